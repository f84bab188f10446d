import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'Such as amqp://rabbitmq:5672 or amqps://rabbitmq:5671/iot, where iot is the virtual host.',
    protocols: ['amqp', 'amqps'],
  }),
  protocol: field.choice(['0-9-1', '1.0'], {
    title: 'Protocol',
    description: '0-9-1 is RabbitMQ’s own; 1.0 is spoken by RabbitMQ 4, Artemis, Qpid and Azure Service Bus.',
    default: '0-9-1',
  }),
  username: field.optional(field.text({ title: 'User', maxLength: 256 })),
  password: field.optional(field.secret({ title: 'Password' })),
  exchange: field.optional(
    field.text({
      title: 'Exchange',
      description: 'Of RabbitMQ; it must be there. Left out, and no queue named: amq.topic.',
      maxLength: 127,
    }),
  ),
  routingKey: field.text({
    title: 'Routing key',
    description: '{device}, {type} and {tag:NAME} can be put in, such as readings.{type}.{device}.',
    default: '{device}',
    maxLength: 200,
  }),
  queue: field.optional(
    field.text({
      title: 'Queue',
      description:
        'A durable queue, made when it is not there. Messages go straight into it; with an exchange named, it is bound to that for every routing key.',
      when: { field: 'protocol', is: '0-9-1' },
      maxLength: 200,
    }),
  ),
  address: field.optional(
    field.text({
      title: 'Node',
      description:
        'Queue or topic of brokers that are not RabbitMQ, such as readings or readings/{type}. Left out: RabbitMQ’s exchange and routing key.',
      when: { field: 'protocol', is: '1.0' },
      maxLength: 255,
    }),
  ),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
