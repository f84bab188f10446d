import { type ConfigOf, field } from '@patchbay/sdk'

/** Below the second that the platform gives a provider, so that the reason of a late answer is ours to tell. */
export const maxTimeoutMs = 900

export const config = {
  loginUrl: field.optional(
    field.url({
      title: 'Login address',
      description: 'Asked at each login with a password. Left out, this instance has no say in logins.',
    }),
  ),
  topicUrl: field.optional(
    field.url({
      title: 'Topic address',
      description:
        'Asked for each topic that is published or subscribed. Left out, this instance has no say in topics.',
    }),
  ),
  headers: field.table(
    {
      name: field.text({ title: 'Name', maxLength: 128, pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" }),
      value: field.secret({ title: 'Value' }),
    },
    { title: 'Headers', description: 'Sent with every question, such as Authorization.', maxItems: 20 },
  ),
  timeoutMs: field.integer({
    title: 'Time for an answer (ms)',
    description: 'No answer in this time denies.',
    default: 800,
    minimum: 50,
    maximum: maxTimeoutMs,
  }),
  keepSeconds: field.integer({
    title: 'Keep logins (s)',
    description:
      'How long an allowed login is not asked about again; each HTTP request of a device is a login. 0 asks each time.',
    default: 5,
    minimum: 0,
    maximum: 300,
  }),
}
export type Config = ConfigOf<typeof config>
