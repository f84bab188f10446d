import { dataFolder } from './data-folder.ts'
import { readFile } from 'node:fs/promises'
import type { Dataset, TypeSpec } from './dataset.ts'
import { isObject, type Json, type JsonObject, toExactJson } from './exact-json.ts'
import { toType } from './sample-type.ts'

const files: Record<string, string> = {
  'shelly-2pm-gen3': '2pm-gen3-status.json',
  'shelly-pro3em': 'pro3em-status.json',
}

/**
 * A status has one object for each component, named with a colon (`em:0`). Its fields become keys such as `em:0.a_voltage`; deeper
 * objects and arrays stay JSON values, and null stays null (the platform skips it).
 */
export function toValues(status: JsonObject): Record<string, Json> {
  const values: Record<string, Json> = {}
  for (const [component, fields] of Object.entries(status)) {
    if (isObject(fields)) for (const [name, value] of Object.entries(fields)) values[`${component}.${name}`] = value
    else values[component] = fields
  }
  return values
}

/** When a status was taken: the device's own clock where it tells it, else any time in it, else 0 (only distances matter). */
function takenAtMs(status: JsonObject): number {
  const { sys } = status
  const seconds = isObject(sys) ? sys['unixtime'] : undefined
  return typeof seconds === 'number' ? seconds * 1000 : 0
}

/** The status of two Shelly devices, as they report it. */
export function readShelly(folder = new URL('shelly/', dataFolder)): Dataset {
  const types = new Map<string, TypeSpec>()
  return {
    types,
    readings: (async function* () {
      for (const [device, file] of Object.entries(files)) {
        const dump = toExactJson(await readFile(new URL(file, folder), 'utf8'))
        const status = isObject(dump) ? dump['status'] : undefined
        if (!isObject(status)) throw new Error(`${file} holds no status`)
        const values = toValues(status)
        types.set(device, toType(`sim-${device}`, device, values))
        yield { device, at: takenAtMs(status), values }
      }
    })(),
  }
}
