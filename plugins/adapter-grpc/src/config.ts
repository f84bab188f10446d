import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  port: field.integer({
    title: 'Port',
    description: 'gRPC, plain or TLS; 0 turns it off. The one port of the platform speaks gRPC too.',
    default: 0,
    setting: 'PATCHBAY_GRPC_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  loginTimeoutMs: field.integer({
    title: 'Time for the first call (ms)',
    description: 'A connection without a call that proves who it is ends after this time.',
    default: 5_000,
    minimum: 100,
    maximum: 60_000,
  }),
  maxInFlight: field.integer({
    title: 'Messages of a stream in flight',
    description: 'So many messages of PublishStream may be on their way to the store; then it is not read.',
    default: 200,
    minimum: 1,
    maximum: 10_000,
  }),
  maxWaitingKib: field.integer({
    title: 'Largest queue to a subscriber (KiB)',
    description: 'A subscriber that reads more slowly than this loses QoS 0 messages and is ended for others.',
    default: 1_024,
    minimum: 16,
    maximum: 65_536,
  }),
  keepAliveMs: field.integer({
    title: 'Time between pings (ms)',
    description: 'A client that does not answer a ping of HTTP/2 within 10 s is gone.',
    default: 30_000,
    minimum: 1_000,
    maximum: 3_600_000,
  }),
}
export type GrpcConfig = ConfigOf<typeof config>
