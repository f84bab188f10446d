import { type ConfigOf, field } from '@patchbay/sdk'

/** The fields of the adapter's configuration; config.schema.json is made of them. */
export const config = {
  port: field.integer({
    title: 'Port',
    description: 'CoAP without DTLS; 0 turns it off. The one port of the platform speaks CoAP over UDP too.',
    default: 5683,
    setting: 'PATCHBAY_COAP_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  securePort: field.integer({
    title: 'DTLS port',
    description: 'CoAP over DTLS; 0 turns it off',
    default: 5684,
    setting: 'PATCHBAY_COAPS_PORT',
    minimum: 0,
    maximum: 65_535,
  }),
  maxMessageKib: field.integer({
    title: 'Largest message (KiB)',
    description: 'All blocks of an upload together; a larger one is answered with 4.13',
    default: 64,
    minimum: 1,
    maximum: 256,
  }),
  datagramsPerSecond: field.integer({
    title: 'Datagrams a second of one address',
    description: 'More are dropped unread; twice as many may come at once',
    default: 20_000,
    minimum: 10,
    maximum: 1_000_000,
  }),
  observerProbeSeconds: field.integer({
    title: 'Probe of silent observers (s)',
    description: 'An observer that was silent so long is pinged; one that does not answer is forgotten',
    default: 120,
    minimum: 10,
    maximum: 86_400,
  }),
}
export type CoapConfig = ConfigOf<typeof config>
