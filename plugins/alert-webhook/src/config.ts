import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'Where notifications are posted to, such as https://example.org/hooks/patchbay.',
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
    { title: 'Headers', description: 'Sent with every notification, such as Authorization.', maxItems: 20 },
  ),
  body: field.optional(
    field.multiline({
      title: 'Body',
      description: 'A Liquid template in place of the JSON body. Values are escaped for JSON strings.',
      maxLength: 16_384,
    }),
  ),
  contentType: field.text({
    title: 'Content type',
    description: 'Of a body of your own; the ready-made one is always application/json.',
    default: 'application/json',
    maxLength: 128,
    pattern: '^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; ?charset=[A-Za-z0-9-]+)?$',
  }),
}
export type Config = ConfigOf<typeof config>
