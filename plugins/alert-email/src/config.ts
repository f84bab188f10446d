import { type ConfigOf, field } from '@patchbay/sdk'

const address = '[^@\\s<>,;"]{1,64}@[^@\\s<>,;"]{1,255}'

export const config = {
  host: field.host({ title: 'Server', description: 'Of your mail provider, such as smtp.example.org.' }),
  port: field.integer({
    title: 'Port',
    description: '587 with STARTTLS, 465 with TLS.',
    default: 587,
    minimum: 1,
    maximum: 65_535,
  }),
  security: field.choice(['starttls', 'tls', 'none'], {
    title: 'Encryption',
    description:
      'starttls and tls never fall back to plain text. none is for a relay on your own network, without a login.',
    default: 'starttls',
  }),
  ca: field.optional(
    field.multiline({
      title: 'Certificate authority',
      description:
        'PEM, where the server’s certificate is not from a public authority. Certificates are always checked.',
    }),
  ),
  username: field.optional(field.text({ title: 'User', maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password' })),
  from: field.text({
    title: 'From',
    description: 'alerts@example.org or Patchbay <alerts@example.org>.',
    maxLength: 512,
    pattern: `^(${address}|[^\\r\\n<>"]{1,128} <${address}>)$`,
  }),
  to: field.list(field.text({ maxLength: 320, pattern: `^${address}$` }), {
    title: 'To',
    description: 'One address or more.',
    maxItems: 50,
  }),
  subject: field.text({
    title: 'Subject',
    description: 'A Liquid template.',
    default: '{{ headline }}',
    maxLength: 4096,
  }),
  text: field.multiline({
    title: 'Text',
    description: 'A Liquid template.',
    default: '{{ details }}\n',
    maxLength: 16_384,
  }),
  html: field.optional(
    field.multiline({
      title: 'HTML',
      description: 'A Liquid template of a second, formatted part. Values are escaped for HTML.',
      maxLength: 16_384,
    }),
  ),
}
export type Config = ConfigOf<typeof config>
