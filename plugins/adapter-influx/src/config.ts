import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  deviceTag: field.text({
    title: 'Tag that names the device',
    description: 'Its value is the id of a registered device.',
    default: 'device',
    minLength: 1,
    maxLength: 128,
  }),
  fallbackTag: field.text({
    title: 'Tag that names the device otherwise',
    description: 'Used for lines without the tag above; Telegraf sends host. Empty: no other.',
    default: 'host',
    maxLength: 128,
  }),
  otherTags: field.choice(['keep', 'drop'], {
    title: 'Other tags',
    description:
      'keep: series that differ by other tags stay apart, as keys of their own. drop: only the device counts.',
    default: 'keep',
  }),
  provisioningKey: field.optional(
    field.secret({
      title: 'Provisioning key for new devices',
      description:
        'Devices that an API key writes for and that are not registered are made with it. Without it they are refused.',
    }),
  ),
  database: field.text({
    title: 'Name of the database',
    description: 'What SHOW DATABASES answers. Every other name is taken too, and means the same data.',
    default: 'patchbay',
    minLength: 1,
    maxLength: 128,
  }),
  maxBodyMib: field.integer({
    title: 'Largest write (MiB)',
    description: 'Counted after gzip is undone; a larger one is answered with 413.',
    default: 25,
    minimum: 1,
    maximum: 100,
  }),
}
export type InfluxConfig = ConfigOf<typeof config>
