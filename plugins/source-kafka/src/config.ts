import { type ConfigOf, field } from '@patchbay/sdk'
import { mappingFields } from '@patchbay/sdk/source'

export const config = {
  brokers: field.list(
    field.text({ title: 'Broker', maxLength: 260, pattern: '^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:]+\\]):[0-9]{1,5}$' }),
    { title: 'Brokers', description: 'One or more to begin with, such as kafka-1:9092.', maxItems: 20 },
  ),
  topics: field.list(field.text({ title: 'Topic', maxLength: 249, pattern: '^[A-Za-z0-9._-]+$' }), {
    title: 'Topics',
    maxItems: 50,
  }),
  group: field.text({
    title: 'Consumer group',
    description:
      'Kafka keeps how far it has been read under this name; empty = patchbay- and the name of the instance.',
    default: '',
    maxLength: 200,
    pattern: '^[A-Za-z0-9._-]*$',
  }),
  begin: field.choice(['earliest', 'latest'], {
    title: 'A group that is new begins',
    description: 'With the earliest message that is still there, or with what comes from now on.',
    default: 'earliest',
  }),
  ...mappingFields,
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
}
export type Config = ConfigOf<typeof config>
