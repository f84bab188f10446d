import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.url({
    title: 'Address',
    description: 'With the database in it, such as postgres://db:5432/iot.',
    protocols: ['postgres', 'postgresql'],
  }),
  username: field.text({ title: 'User', default: 'postgres', maxLength: 63 }),
  password: field.optional(field.secret({ title: 'Password' })),
  table: field.text({
    title: 'Table',
    description:
      'Made when it is not there; a schema may stand before it, such as iot.readings. {type}, {device} and {tag:NAME} can be put in, such as readings_{type}.',
    default: 'readings',
    maxLength: 200,
    pattern: '^([a-z_][a-z0-9_]{0,62}\\.)?([a-z_]|\\{[^{}]*\\})([a-z0-9_]|\\{[^{}]*\\})*$',
  }),
  rows: field.choice(['point', 'message'], {
    title: 'Rows',
    description: 'point: a row a value. message: a row a device and time, with all values as JSON.',
    default: 'point',
  }),
  hypertable: field.toggle({
    title: 'Hypertable',
    description: 'A table that is made here becomes one where the database has the extension timescaledb.',
    default: true,
  }),
  tls: field.toggle({ title: 'TLS', description: 'With a certificate that is believed, always.', default: false }),
  ca: field.optional(
    field.multiline({ title: 'Authority', description: 'A certificate to believe besides the well-known ones, PEM.' }),
  ),
}
export type Config = ConfigOf<typeof config>
