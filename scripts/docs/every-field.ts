import { field, toConfigSchema } from '../../packages/sdk/src/fields.ts'
import type { Generated } from './generator.ts'

/** Every kind of field with every hint, as a plugin would declare it: the console's gallery shows this schema. */
const everyField = toConfigSchema({
  text: field.text({
    title: 'Text',
    description: 'Up to 64 letters and digits.',
    pattern: '^[A-Za-z0-9 ]*$',
    maxLength: 64,
  }),
  multiline: field.optional(field.multiline({ title: 'Multiline', description: 'Several lines.' })),
  integer: field.integer({ title: 'Integer', default: 502, minimum: 1, maximum: 65_535 }),
  number: field.optional(field.number({ title: 'Number', description: 'With a fraction.', minimum: -1, maximum: 1 })),
  toggle: field.toggle({ title: 'Toggle', description: 'On or off.' }),
  choice: field.choice(['low', 'middle', 'high'], { title: 'Choice', default: 'middle' }),
  duration: field.duration({ title: 'Duration', description: 'Such as 500ms, 30s, 5m, 12h or 7d.', default: '30s' }),
  topic: field.topic({ title: 'Topic', description: 'A topic or filter.', default: 'lab/+/temperature' }),
  url: field.optional(field.url({ title: 'Address', description: 'http or https.' })),
  host: field.host({ title: 'Host', default: 'localhost', setting: 'PATCHBAY_HOST' }),
  secret: field.optional(field.secret({ title: 'Secret', description: 'Write-only: what is stored is never shown.' })),
  list: field.list(field.text(), { title: 'List', description: 'Several texts.', maxItems: 5 }),
  secrets: field.list(field.secret(), { title: 'Secrets', description: 'Several secrets.', maxItems: 3 }),
  mode: field.choice(['plain', 'tls'], { title: 'Encryption', default: 'plain' }),
  tls: field.optional(
    field.group(
      {
        ca: field.optional(field.multiline({ title: 'Certificate authority' })),
        verify: field.toggle({ title: 'Verify', default: true }),
      },
      { title: 'Group', description: 'Shown while Encryption is tls.', when: { field: 'mode', is: 'tls' } },
    ),
  ),
  table: field.table(
    {
      name: field.text({ title: 'Name' }),
      unit: field.optional(field.text({ title: 'Unit' })),
      scale: field.number({ title: 'Scale', default: 1 }),
      kind: field.choice(['input', 'holding'], { title: 'Kind', default: 'input' }),
    },
    { title: 'Table', description: 'Rows of a flat group.', maxItems: 20 },
  ),
})

export const generateEveryField = async (): Promise<Generated[]> => [
  { path: 'console/src/pages/gallery/every-field.json', text: `${JSON.stringify(everyField, null, 2)}\n` },
]
