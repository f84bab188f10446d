import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'With the database in it, such as mongodb://db:27017/iot or mongodb+srv://cluster.example.org/iot.',
    protocols: ['mongodb', 'mongodb\\+srv'],
  }),
  username: field.optional(field.text({ title: 'User', maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password' })),
  ca: field.optional(
    field.multiline({
      title: 'Authority',
      description:
        'A certificate to believe besides the well-known ones, PEM; TLS is chosen in the address, by ?tls=true.',
    }),
  ),
  collection: field.text({
    title: 'Collection',
    description: '{type}, {device} and {tag:NAME} can be put in, such as readings.{type}.',
    default: 'readings',
    maxLength: 120,
    pattern: '^([A-Za-z0-9_.-]|\\{[^{}]*\\})+$',
  }),
  keep: field.optional(
    field.duration({
      title: 'Keep',
      description: 'Documents are deleted when their time is so long ago, such as 365d.',
    }),
  ),
  timeSeries: field.toggle({
    title: 'Time series',
    description:
      'A collection that is made here becomes a time-series collection, where the server has them. It cannot tell a document that comes again.',
    default: false,
  }),
}
export type Config = ConfigOf<typeof config>
