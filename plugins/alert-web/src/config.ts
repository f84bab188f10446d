import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  keep: field.integer({
    title: 'Keep',
    description: 'So many of the last notifications are kept.',
    default: 200,
    minimum: 1,
    maximum: 1000,
  }),
}
export type Config = ConfigOf<typeof config>
