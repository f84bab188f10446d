import { BadConfig } from '@patchbay/sdk'
import type { Config } from './config.ts'
import { PayloadUnfit, toDesired, toObject } from './json-payload.ts'
import type { Preset } from './preset.ts'

/** The port on which AWS IoT Core tells MQTT from HTTPS by ALPN. */
const alpnPort = '443'
const shadowBytes = 8 * 1024

const toReported = (payload: Buffer): Buffer => {
  const document = Buffer.from(JSON.stringify({ state: { reported: toObject(payload) } }))
  if (document.length > shadowBytes)
    throw new PayloadUnfit(`AWS takes shadows of up to ${shadowBytes} bytes; this one has ${document.length}.`)
  return document
}
const ofDelta = (payload: Buffer): Buffer => {
  const { state, version } = toObject(payload)
  return toDesired(state, version)
}

/** AWS IoT Core: what it ends a connection for is kept from it. A thing has the name of its device here. */
export function awsPreset(config: Config, usual: Preset): Preset {
  if (!config.tls?.cert || !config.tls.key)
    throw new BadConfig('/tls/cert', 'AWS IoT Core knows a client by its certificate: give it with its key.')
  return {
    ...usual,
    maxQos: 1,
    maxPayloadBytes: 128 * 1024,
    maxTopicBytes: 256,
    maxTopicSlashes: 7,
    filtersAtOnce: 8,
    publishesPerSecond: 100,
    sessionSeconds: 3600,
    alpn: new URL(config.url).port === alpnPort ? 'x-amzn-mqtt-ca' : undefined,
    shadow: {
      out: [{ from: 'devices/+/shadow/reported', to: '$aws/things/+/shadow/update', qos: 1, convert: toReported }],
      in: [{ from: '$aws/things/+/shadow/update/delta', to: 'devices/+/shadow/desired', qos: 1, convert: ofDelta }],
    },
  }
}
