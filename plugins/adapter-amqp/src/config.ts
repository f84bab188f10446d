import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  port: field.integer({
    title: 'Port',
    description: 'AMQP 1.0, plain or TLS; 0 turns it off. The one port of the platform speaks AMQP too.',
    default: 5672,
    setting: 'PATCHBAY_AMQP_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  loginTimeoutMs: field.integer({
    title: 'Time for the login (ms)',
    default: 5_000,
    minimum: 100,
    maximum: 60_000,
  }),
  maxMessageKib: field.integer({
    title: 'Largest message (KiB)',
    description: 'A larger one is rejected with amqp:link:message-size-exceeded.',
    default: 256,
    minimum: 4,
    maximum: 256,
  }),
  credit: field.integer({
    title: 'Credit of a sender link',
    description: 'So many messages of a link may be on their way to the store at once.',
    default: 100,
    minimum: 1,
    maximum: 1_000,
  }),
  maxQueued: field.integer({
    title: 'Messages that wait for a receiver link',
    description:
      'Without credit of the client so many wait; then QoS 0 is dropped, and the connection ended for others.',
    default: 500,
    minimum: 1,
    maximum: 10_000,
  }),
  idleTimeoutMs: field.integer({
    title: 'Silence that ends a connection (ms)',
    description: 'Half of it is what clients are asked to keep to.',
    default: 120_000,
    minimum: 2_000,
    maximum: 3_600_000,
  }),
}
export type AmqpConfig = ConfigOf<typeof config>
