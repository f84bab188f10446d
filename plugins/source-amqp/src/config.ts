import { type ConfigOf, field } from '@patchbay/sdk'
import { mappingFields } from '@patchbay/sdk/source'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'amqp://host:5672/virtual-host, or amqps:// for TLS.',
    protocols: ['amqp', 'amqps'],
    default: 'amqp://localhost:5672',
  }),
  username: field.optional(field.text({ title: 'User', maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password' })),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
  protocol: field.choice(['0-9-1', '1.0'], { title: 'Protocol', default: '0-9-1' }),
  queue: field.text({
    title: 'Queue',
    description:
      'It must be there already, unless it is bound below. With AMQP 1.0 an address such as /queues/readings is taken as it is.',
    maxLength: 255,
  }),
  bind: field.optional(
    field.group(
      {
        exchange: field.text({ title: 'Exchange', maxLength: 255 }),
        routingKey: field.text({ title: 'Routing key', default: '#', maxLength: 255 }),
      },
      { title: 'Make the queue (durable) and bind it', when: { field: 'protocol', is: '0-9-1' } },
    ),
  ),
  prefetch: field.integer({
    title: 'Messages at once',
    description: 'As many are here and not acknowledged at most.',
    default: 1000,
    minimum: 1,
    maximum: 10_000,
  }),
  refused: field.choice(['keep', 'reject'], {
    title: 'What cannot be taken',
    description:
      'keep: as a dead letter here. reject: back to the broker, which has a dead letter exchange for it or drops it.',
    default: 'keep',
  }),
  ...mappingFields,
}
export type Config = ConfigOf<typeof config>
