import { dataFolder } from './data-folder.ts'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Dataset, Reading, TypeSpec } from './dataset.ts'

interface Series {
  file: string
  device: string
  key: string
  type: TypeSpec
}

const number = (id: string, title: string, key: string, unit?: string): TypeSpec => ({
  id,
  title,
  keys: [unit === undefined ? { key, kind: 'number' } : { key, kind: 'number', unit }],
})

// Fahrenheit on purpose: that is what was recorded, and a platform must carry units that it does not like.
const machine = number('sim-machine', 'Machine, inner temperature', 'temperature', '°F')
const office = number('sim-office', 'Office, ambient temperature', 'temperature', '°F')
const roadSpeed = number('sim-road-speed', 'Road sensor, speed', 'speed', 'mph')
const roadOccupancy = number('sim-road-occupancy', 'Road sensor, occupancy', 'occupancy', '%')
const travelTime = number('sim-travel-time', 'Road section, travel time', 'travelTime', 's')
const host = number('sim-host', 'Server, processor load', 'cpu', '%')

const seriesList: readonly Series[] = [
  series('machine_temperature_system_failure', 'machine-temperature', machine),
  series('ambient_temperature_system_failure', 'office-temperature', office),
  series('speed_6005', 'road-speed-6005', roadSpeed),
  series('speed_7578', 'road-speed-7578', roadSpeed),
  series('speed_t4013', 'road-speed-t4013', roadSpeed),
  series('occupancy_6005', 'road-occupancy-6005', roadOccupancy),
  series('occupancy_t4013', 'road-occupancy-t4013', roadOccupancy),
  series('TravelTime_387', 'travel-time-387', travelTime),
  series('TravelTime_451', 'travel-time-451', travelTime),
  series('ec2_cpu_utilization_24ae8d', 'host-cpu', host),
]

function series(file: string, device: string, type: TypeSpec): Series {
  return { file: `${file}.csv`, device, key: type.keys[0]?.key ?? 'value', type }
}

/** `2015-07-10 14:24:00`, taken as UTC because the files do not say. */
const toMs = (stamp: string): number => Date.parse(`${stamp.replace(' ', 'T')}Z`)

/** Reads `timestamp,value` lines. A line that is not of this form is an error: a data set that is damaged must not pass as shorter. */
export async function* readSeries(
  lines: AsyncIterable<string> | Iterable<string>,
  device: string,
  key: string,
): AsyncGenerator<Reading> {
  let lineNumber = 0
  for await (const line of lines) {
    lineNumber++
    if (lineNumber === 1 || line === '') continue
    const comma = line.indexOf(',')
    const at = toMs(line.slice(0, comma))
    const value = Number(line.slice(comma + 1))
    if (comma < 0 || line.length === comma + 1 || !Number.isFinite(at) || !Number.isFinite(value)) {
      throw new Error(`${device}: line ${lineNumber} is not "timestamp,value": ${line}`)
    }
    yield { device, at, values: { [key]: value } }
  }
}

/** Ten series of the Numenta Anomaly Benchmark. */
export function readNab(folder = new URL('nab/', dataFolder)): Dataset {
  return {
    types: new Map(seriesList.map(({ device, type }) => [device, type])),
    readings: (async function* () {
      for (const { file, device, key } of seriesList) {
        const lines = createInterface({ input: createReadStream(new URL(file, folder)), crlfDelay: Infinity })
        yield* readSeries(lines, device, key)
      }
    })(),
  }
}
