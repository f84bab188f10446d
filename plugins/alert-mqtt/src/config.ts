import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  topic: field.topic({
    title: 'Topic',
    description: 'A Liquid template, such as alerts/{{ device.id }}. Topics of devices and reserved ones are refused.',
    default: 'alerts/{{ device.id }}',
  }),
  payload: field.optional(
    field.multiline({
      title: 'Payload',
      description: 'A Liquid template in place of the notification as JSON. Values are escaped for JSON strings.',
      maxLength: 16_384,
    }),
  ),
  qos: field.choice(['0', '1', '2'], { title: 'QoS', default: '1' }),
  retain: field.toggle({ title: 'Retain', description: 'Later subscribers get the last notification of each topic.' }),
}
export type Config = ConfigOf<typeof config>
