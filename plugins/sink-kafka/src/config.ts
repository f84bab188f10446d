import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  brokers: field.list(
    field.text({ title: 'Broker', maxLength: 260, pattern: '^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5}$' }),
    { title: 'Brokers', description: 'One or more to begin with, such as kafka-1:9092.', maxItems: 20, target: true },
  ),
  topic: field.text({
    title: 'Topic',
    description: '{type}, {device} and {tag:NAME} can be put in, such as readings.{type}.',
    default: 'readings',
    maxLength: 200,
    pattern: '^([A-Za-z0-9._-]|\\{[^{}]*\\})+$',
  }),
  key: field.text({
    title: 'Key',
    description:
      'Messages of one key are in one partition, in order. {device}, {type} and {tag:NAME} can be put in; it should hold {device}.',
    default: '{device}',
    maxLength: 200,
  }),
  sasl: field.optional(
    field.group(
      {
        mechanism: field.choice(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], { title: 'Mechanism', default: 'PLAIN' }),
        username: field.text({ title: 'User', maxLength: 256 }),
        password: field.secret({ title: 'Password' }),
      },
      { title: 'Log in by SASL' },
    ),
  ),
  tls: field.toggle({ title: 'TLS', description: 'With a certificate that is believed, always.', default: false }),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
  compression: field.choice(['none', 'gzip', 'snappy', 'lz4', 'zstd'], { title: 'Compression', default: 'none' }),
}
export type Config = ConfigOf<typeof config>
