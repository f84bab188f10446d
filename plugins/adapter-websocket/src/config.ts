import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  maxFrameKib: field.integer({
    title: 'Largest frame (KiB)',
    description: 'A larger one closes the connection with 1009. Before the login it is 4 KiB.',
    default: 256,
    minimum: 4,
    maximum: 512,
  }),
  loginTimeoutMs: field.integer({
    title: 'Time for the login (ms)',
    description: 'Without credentials at the upgrade, the first frame must bring them within this time.',
    default: 5_000,
    minimum: 100,
    maximum: 60_000,
  }),
  pingEveryMs: field.integer({
    title: 'Time between pings (ms)',
    description: 'A client that has not answered a ping when the next one is due is gone.',
    default: 30_000,
    minimum: 50,
    maximum: 600_000,
  }),
  maxInFlight: field.integer({
    title: 'Messages in flight',
    description: 'So many frames of a connection are worked on at once; then reading waits.',
    default: 200,
    minimum: 1,
    maximum: 10_000,
  }),
  maxWaitingKib: field.integer({
    title: 'Largest queue to a client (KiB)',
    description: 'A client that reads more slowly than this loses QoS 0 messages and is closed with 1013 for others.',
    default: 1_024,
    minimum: 16,
    maximum: 65_536,
  }),
  origins: field.list(field.text({ pattern: '^https?://[^/\\s]+$' }), {
    title: 'Web pages that may lean on the browser',
    description: 'Origins, such as https://app.example.com, that may use a client certificate or stored password.',
    maxItems: 50,
  }),
}
export type WebSocketConfig = ConfigOf<typeof config>
