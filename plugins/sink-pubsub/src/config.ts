import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  project: field.text({ title: 'Project', maxLength: 100, pattern: '^[a-z][a-z0-9.:-]*$' }),
  topic: field.text({
    title: 'Topic',
    description: 'It must be there.',
    maxLength: 255,
    pattern: '^[A-Za-z][A-Za-z0-9._~+%-]*$',
  }),
  orderingKey: field.text({
    title: 'Ordering key',
    description:
      'Messages of one key reach an ordered subscription in order. {device}, {type} and {tag:NAME} can be put in; it should hold {device}.',
    default: '{device}',
    maxLength: 200,
  }),
  credentials: field.optional(
    field.secret({
      title: 'Key of a service account',
      description:
        'The whole JSON file. Left out: the file that GOOGLE_APPLICATION_CREDENTIALS names, or the service account of the machine.',
    }),
  ),
  endpoint: field.optional(
    field.url({
      title: 'Address',
      description:
        'In place of Google’s own, such as a regional one; http:// for an emulator, which is shown no credentials.',
    }),
  ),
  ca: field.optional(
    field.multiline({
      title: 'Authority',
      description: 'A certificate to believe in place of the well-known ones, PEM.',
    }),
  ),
}
export type Config = ConfigOf<typeof config>
