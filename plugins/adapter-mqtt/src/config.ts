import { field } from '@patchbay/sdk'

/** The fields of the adapter's configuration; config.schema.json is made of them. */
export const config = {
  port: field.integer({
    title: 'Port',
    description: 'MQTT without TLS; 0 turns it off. The one port of the platform speaks MQTT too.',
    default: 1883,
    setting: 'PATCHBAY_MQTT_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  tlsPort: field.integer({
    title: 'TLS port',
    description: 'MQTT over TLS; 0 turns it off',
    default: 8883,
    setting: 'PATCHBAY_MQTTS_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  openTopics: field.list(field.topic(), {
    title: 'Open topics',
    setting: 'PATCHBAY_OPEN_TOPICS',
    description:
      'Topic filters that clients without credentials may publish and subscribe: for labs, never on a network',
    maxItems: 100,
  }),
  maxPacketBytes: field.integer({
    title: 'Largest packet (bytes)',
    default: 262_144,
    minimum: 4_096,
    maximum: 16_777_216,
  }),
  maxLoginBytes: field.integer({
    title: 'Largest CONNECT (bytes)',
    default: 4_096,
    minimum: 512,
    maximum: 1_048_576,
  }),
  maxTopicBytes: field.integer({
    title: 'Longest topic (bytes)',
    default: 512,
    minimum: 64,
    maximum: 65_535,
  }),
  maxTopicLevels: field.integer({
    title: 'Levels of a topic',
    default: 32,
    minimum: 4,
    maximum: 100,
  }),
  connectTimeoutMs: field.integer({
    title: 'Time for the CONNECT (ms)',
    default: 5_000,
    minimum: 100,
    maximum: 60_000,
  }),
  maxRetainedPerDevice: field.integer({
    title: 'Retained messages a device',
    default: 1_000,
    minimum: 0,
    maximum: 1_000_000,
  }),
  maxSubscriptionsPerSession: field.integer({
    title: 'Subscriptions a session',
    default: 200,
    minimum: 1,
    maximum: 10_000,
  }),
  maxKeptSessionsPerDevice: field.integer({
    title: 'Kept sessions a device',
    default: 10,
    minimum: 1,
    maximum: 10_000,
  }),
  maxSessionExpirySeconds: field.integer({
    title: 'Longest session expiry (s)',
    description: 'Sessions of MQTT 3.1.1, which name none, are kept this long',
    default: 2_592_000,
    minimum: 1,
    maximum: 4_294_967_294,
  }),
  maxKeepAliveSeconds: field.integer({
    title: 'Longest keep alive (s)',
    description:
      'A client that wants a longer one, or none, is told this one in MQTT 5 and refused in 3.1.1; 0: any is taken',
    default: 0,
    minimum: 0,
    maximum: 65_535,
  }),
  receiveMaximum: field.integer({
    title: 'Receive Maximum',
    description: 'Unacknowledged QoS 1 and 2 messages that an MQTT 5 client may have on the way to the platform',
    default: 1_000,
    minimum: 1,
    maximum: 65_535,
  }),
  topicAliases: field.integer({
    title: 'Topic aliases a connection',
    description: 'Aliases that an MQTT 5 client may use for the topics it publishes to',
    default: 32,
    minimum: 0,
    maximum: 1_000,
  }),
  willGraceMs: field.integer({
    title: 'Grace for wills after a restart (ms)',
    description: 'A client that is back by then has no will published',
    default: 10_000,
    minimum: 0,
    maximum: 3_600_000,
  }),
  unavailableGraceMs: field.integer({
    title: 'Patience while the store is away (ms)',
    description: 'So long nothing is answered; then the client is sent away to try later',
    default: 5_000,
    minimum: 0,
    maximum: 10_000,
  }),
  durability: field.choice(['full', 'relaxed'], {
    title: 'Durability',
    setting: 'PATCHBAY_DURABILITY',
    description: 'full: sessions, queues and retained values are synced to disk before an acknowledgement',
    default: 'full',
  }),
}
