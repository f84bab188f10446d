import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  maxBodyKib: field.integer({
    title: 'Largest message (KiB)',
    description: 'Counted after gzip is undone; a larger one is answered with 413.',
    default: 256,
    minimum: 1,
    maximum: 256,
  }),
  maxWaitSeconds: field.integer({
    title: 'Longest wait for commands (s)',
    description: 'The most that a device may ask for with ?wait=.',
    default: 60,
    minimum: 0,
    maximum: 60,
  }),
}
export type HttpConfig = ConfigOf<typeof config>
