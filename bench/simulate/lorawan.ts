import { dataFolder } from './data-folder.ts'
import { readFile } from 'node:fs/promises'
import type { Dataset, Reading, TypeSpec } from './dataset.ts'
import { toType } from './sample-type.ts'
import { isObject, type Json, toExactJson } from './exact-json.ts'

interface Uplink {
  device: string
  title: string
  reading: Reading
}

/** A device clock as text, such as `1902-09-19 00:21:20`; undefined when it is right enough to be believed. */
function wrongClockMs(text: Json | undefined): number | undefined {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined
  const at = Date.parse(`${text.replace(' ', 'T')}Z`)
  return at < 0 ? at : undefined
}

/**
 * An uplink in the envelope of ChirpStack v4: the decoded object's keys become telemetry as they are, the radio's figures join them,
 * and `rxInfo` stays a nested array.
 */
export function toUplink(message: unknown): Uplink {
  const payload = isObject(message) ? message['payload'] : undefined
  if (!isObject(payload)) throw new Error('an uplink has no payload')
  const { deviceInfo, object, time, rxInfo, fCnt, fPort } = payload
  if (
    !isObject(deviceInfo) ||
    !isObject(object) ||
    typeof time !== 'string' ||
    typeof deviceInfo['devEui'] !== 'string'
  ) {
    throw new Error('an uplink lacks deviceInfo.devEui, object or time')
  }
  const values: Record<string, Json> = { ...object }
  for (const [key, value] of Object.entries({ fCnt, fPort, rxInfo })) if (value !== undefined) values[key] = value
  const device = `lorawan-${deviceInfo['devEui']}`
  const wrongAt = wrongClockMs(object['TIME'])
  const reading = { device, at: Date.parse(time), values, ...(wrongAt === undefined ? {} : { wrongAt }) }
  const title = deviceInfo['deviceName']
  return { device, title: typeof title === 'string' ? title : device, reading }
}

/** Real uplinks of LoRaWAN sensors. */
export function readLorawan(file = new URL('lorawan/chirpstack-v4-up.json', dataFolder)): Dataset {
  const types = new Map<string, TypeSpec>()
  return {
    types,
    readings: (async function* () {
      const messages = toExactJson(await readFile(file, 'utf8'))
      if (!Array.isArray(messages)) throw new Error('the uplinks are not a list')
      for (const message of messages) {
        const { device, title, reading } = toUplink(message)
        types.set(device, toType(`sim-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`, title, reading.values))
        yield reading
      }
    })(),
  }
}
