import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({ title: 'Address', description: 'Of its HTTP interface, such as http://questdb:9000.' }),
  table: field.optional(
    field.text({
      title: 'Table',
      description:
        'One table with a column a key; {type}, {device} and {tag:NAME} may be used. Left out: a table a key, with the columns device, value and timestamp.',
      maxLength: 100,
    }),
  ),
  username: field.optional(field.text({ title: 'User', maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password' })),
  token: field.optional(field.secret({ title: 'Token', description: 'In place of user and password.' })),
  partition: field.choice(['HOUR', 'DAY', 'WEEK', 'MONTH', 'YEAR'], {
    title: 'Partitions',
    description: 'Of tables that are made.',
    default: 'DAY',
  }),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
