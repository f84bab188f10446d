import { type ConfigOf, field } from '@patchbay/sdk'

const qos = field.optional(
  field.choice(['0', '1', '2'], { title: 'QoS', description: 'Left out: as the message came.' }),
)

export const config = {
  preset: field.choice(['none', 'mosquitto', 'emqx', 'rabbitmq', 'hivemq', 'aws', 'azure'], {
    title: 'Kind of broker',
    description: 'Knows its limits and forms; brings topics where none are given below.',
    default: 'none',
  }),
  url: field.url({
    title: 'Broker',
    description: 'mqtt://host:1883, or mqtts://host:8883 for TLS.',
    protocols: ['mqtt', 'mqtts'],
  }),
  clientId: field.text({
    title: 'Client id',
    description: 'Its own at that broker: two that have the same throw each other out.',
    maxLength: 256,
  }),
  username: field.optional(field.text({ title: 'User' })),
  password: field.optional(field.secret({ title: 'Password' })),
  tls: field.optional(
    field.group(
      {
        ca: field.optional(
          field.multiline({
            title: 'Authority',
            description: 'A certificate to believe instead of the well-known ones, PEM.',
          }),
        ),
        cert: field.optional(field.multiline({ title: 'Client certificate', description: 'PEM.' })),
        key: field.optional(field.secret({ title: 'Key of the client certificate', description: 'PEM.' })),
        servername: field.optional(
          field.host({
            title: 'Name in the broker’s certificate',
            description: 'Where it is another than that of the address.',
          }),
        ),
        alpn: field.optional(field.text({ title: 'ALPN', maxLength: 64 })),
      },
      { title: 'TLS' },
    ),
  ),
  version: field.choice(['auto', '5', '3.1.1'], {
    title: 'MQTT',
    description: 'auto: 5, or 3.1.1 where the broker does not speak 5.',
    default: 'auto',
  }),
  out: field.table(
    {
      from: field.topic({ title: 'Topics here', description: 'A filter, such as devices/+/telemetry.' }),
      to: field.text({
        title: 'Topic there',
        description:
          'plant1/# or plant1/+/data takes what the wildcards stood for; plant1/ goes before the whole topic; empty: the same topic.',
        default: '',
        maxLength: 512,
      }),
      qos,
      retain: field.toggle({ title: 'Retained', description: 'What is retained here is there, too.' }),
    },
    { title: 'Out', maxItems: 100 },
  ),
  in: field.table(
    {
      from: field.topic({ title: 'Topics there', description: 'A filter.' }),
      to: field.text({ title: 'Topic here', description: 'As above.', default: '', maxLength: 512 }),
      qos,
      retain: field.toggle({ title: 'Retained', description: 'What is retained there is here, too.' }),
    },
    { title: 'In', maxItems: 100 },
  ),
  createDevices: field.optional(
    field.group(
      { type: field.optional(field.text({ title: 'Type', maxLength: 64 })) },
      {
        title: 'Make devices',
        description: 'Devices that messages are of and that are not there; left out, such messages are refused.',
      },
    ),
  ),
  readings: field.optional(
    field.group(
      {
        topic: field.text({
          title: 'Topic there',
          description: '{device}, {type} and {clientId} are filled in.',
          default: '{clientId}/devices/{device}/telemetry',
          maxLength: 512,
        }),
        qos: field.choice(['0', '1', '2'], { title: 'QoS', default: '1' }),
        thin: field.choice(['none', 'change', 'average'], {
          title: 'Send',
          description:
            'none: every reading; change: what differs from what was sent last; average: one for each interval.',
          default: 'none',
        }),
        deadBand: field.number({
          title: 'Dead band',
          description: 'A number that differs from the one sent last by no more than this is left out.',
          default: 0,
          minimum: 0,
          when: { field: 'thin', is: 'change' },
        }),
        atLeastEvery: field.optional(
          field.duration({
            title: 'At least every',
            description: 'A value is sent after this, even when it has not changed.',
            when: { field: 'thin', is: 'change' },
          }),
        ),
        interval: field.duration({ title: 'Interval', default: '1m', when: { field: 'thin', is: 'average' } }),
      },
      {
        title: 'Readings in place of messages',
        description: 'What is stored, as the instance selects it, goes out as {"ts", "values"}; then Out has no rows.',
      },
    ),
  ),
  sharedAccessKey: field.optional(
    field.secret({
      title: 'Key of the device',
      description: 'Azure IoT Hub: primary or secondary key, from which tokens are made.',
      when: { field: 'preset', is: 'azure' },
    }),
  ),
  tokenMinutes: field.integer({
    title: 'A token holds, minutes',
    description: 'Azure IoT Hub: it is made anew before its end.',
    default: 60,
    minimum: 5,
    maximum: 1440,
    when: { field: 'preset', is: 'azure' },
  }),
  shadows: field.toggle({
    title: 'Shadows',
    description:
      'AWS and Azure: what devices report goes to the shadow or twin there, what is desired there comes to them.',
  }),
  twinDevice: field.optional(
    field.text({
      title: 'Device of the twin',
      description: 'Azure IoT Hub: whose shadow here the twin is; left out, the one that has the client id.',
      maxLength: 128,
      when: { field: 'preset', is: 'azure' },
    }),
  ),
  keepAliveSeconds: field.integer({ title: 'Keep alive, seconds', default: 30, minimum: 5, maximum: 1200 }),
  queueMb: field.integer({
    title: 'Queue on the disk, MB',
    description: 'While the broker is away. A message that does not fit is not acknowledged to its publisher.',
    default: 1024,
    minimum: 1,
    maximum: 1_000_000,
  }),
}
export type Config = ConfigOf<typeof config>
