import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'Where readings are posted to, such as https://example.org/hooks/readings.',
  }),
  format: field.choice(['array', 'lines'], {
    title: 'Format',
    description: 'array: one JSON array a batch. lines: a line of JSON a record (application/x-ndjson).',
    default: 'array',
  }),
  secret: field.optional(
    field.secret({
      title: 'Signing secret',
      description: 'whsec_ and 24 to 64 bytes in base64, as Standard Webhooks has it. Without one nothing is signed.',
    }),
  ),
  headers: field.table(
    {
      name: field.text({ title: 'Name', maxLength: 128, pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" }),
      value: field.secret({ title: 'Value' }),
    },
    { title: 'Headers', description: 'Sent with every batch, such as Authorization.', maxItems: 20 },
  ),
  gzip: field.toggle({
    title: 'Compress',
    description: 'Bodies go as gzip, where the other side reads it.',
    default: false,
  }),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
