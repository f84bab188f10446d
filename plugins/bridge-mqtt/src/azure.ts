import { createHmac } from 'node:crypto'
import { BadConfig } from '@patchbay/sdk'
import type { Config } from './config.ts'
import { PayloadUnfit, toDesired, toObject } from './json-payload.ts'
import type { Preset, PresetRow } from './preset.ts'

const apiVersion = '2021-04-12'
/** A token is exchanged when this part of its time is over: the hub cuts the connection at its end. */
const renewAtPart = 0.8
const second = 1000

/** A token that Azure IoT Hub takes as the password of a device. `key` is base64. */
export function toSasToken(resource: string, key: string, endsAtSeconds: number): string {
  const uri = encodeURIComponent(resource)
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`${uri}\n${endsAtSeconds}`).digest('base64')
  return `SharedAccessSignature sr=${uri}&sig=${encodeURIComponent(signature)}&se=${endsAtSeconds}`
}

/** Readings of all devices as events of the one device that the connection is, whose routes see what they are and from whom. */
export const azureEvents = (clientId: string): PresetRow => ({
  from: 'devices/+/telemetry',
  to: `devices/${clientId}/messages/events/$.ct=application%2Fjson&$.ce=utf-8&device={1}`,
  qos: 1,
})

const ofDesired = (payload: Buffer): Buffer => {
  const { $version, ...delta } = toObject(payload)
  return toDesired(delta, $version)
}
/** The whole twin, which is asked for at each connection: what was changed while this side was away is in it. */
const ofTwin = (payload: Buffer): Buffer => {
  const { desired } = payload.length === 0 ? { desired: undefined } : toObject(payload)
  if (typeof desired !== 'object' || desired === null)
    throw new PayloadUnfit('An answer of the hub that has no desired properties.')
  return ofDesired(Buffer.from(JSON.stringify(desired)))
}

/** Azure IoT Hub: one device a connection, MQTT 3.1.1, no QoS 2, and a token that is made anew before its end. */
export function azurePreset(config: Config, plain: Preset, nowMs: () => number): Preset {
  const { clientId, sharedAccessKey, tokenMinutes } = config
  const host = new URL(config.url).hostname
  if (sharedAccessKey === undefined && !config.tls?.cert)
    throw new BadConfig('/sharedAccessKey', 'Azure IoT Hub knows a device by its key, or by a certificate under TLS.')
  if (sharedAccessKey !== undefined && !/^[A-Za-z0-9+/]+=*$/.test(sharedAccessKey))
    throw new BadConfig('/sharedAccessKey', 'The key of a device is base64.')
  const twinDevice = config.twinDevice ?? clientId
  return {
    ...plain,
    version: 4,
    maxQos: 1,
    maxPayloadBytes: 256 * 1024,
    filtersAtOnce: 8,
    in: [{ from: `devices/${clientId}/messages/devicebound/#`, to: `azure/${clientId}/devicebound`, qos: 1 }],
    shadow: {
      out: [
        {
          from: `devices/${twinDevice}/shadow/reported`,
          to: '$iothub/twin/PATCH/properties/reported/?$rid={n}',
          qos: 0,
          convert: (payload) => Buffer.from(JSON.stringify(toObject(payload))),
        },
      ],
      in: [
        {
          from: '$iothub/twin/PATCH/properties/desired/#',
          to: `devices/${twinDevice}/shadow/desired`,
          qos: 0,
          convert: ofDesired,
        },
        { from: '$iothub/twin/res/200/#', to: `devices/${twinDevice}/shadow/desired`, qos: 0, convert: ofTwin },
      ],
    },
    greetings: config.shadows ? [{ topic: '$iothub/twin/GET/?$rid=0', payload: '' }] : [],
    login() {
      const username = `${host}/${clientId}/?api-version=${apiVersion}`
      if (sharedAccessKey === undefined) return { username }
      const lifeMs = tokenMinutes * 60 * second
      const endsAt = Math.floor((nowMs() + lifeMs) / second)
      return {
        username,
        password: toSasToken(`${host}/devices/${clientId}`, sharedAccessKey, endsAt),
        renewAfterMs: lifeMs * renewAtPart,
      }
    },
  }
}
