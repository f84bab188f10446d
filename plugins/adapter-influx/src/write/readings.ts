import { createCborWriter } from './cbor-writer.ts'
import type { FieldValue } from './line-parser.ts'

/** A line of the body, as far as an answer has to name it. */
export interface LineRef {
  number: number
  text: string
}

/** What a line has for its device. */
export interface LineValues {
  line: LineRef
  values: readonly [key: string, value: FieldValue][]
}

/** All values of one (device, time). */
export interface Reading {
  at: number | undefined
  lines: LineValues[]
  keys: number
  /** How much of a message it takes, at most. */
  bytes: number
}

/** Room for what stands around the values. */
const readingBytes = 32
const valueBytes = 16

const bytesOf = (values: LineValues['values']): number =>
  values.reduce(
    (sum, [key, value]) =>
      sum + valueBytes + Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0),
    0,
  )

export const toReading = (at: number | undefined, lines: LineValues[]): Reading => ({
  at,
  lines,
  keys: lines.reduce((sum, { values }) => sum + values.length, 0),
  bytes: lines.reduce((sum, { values }) => sum + bytesOf(values), readingBytes),
})

/** The readings of one device, in the order of their lines. */
export interface DeviceReadings {
  readonly device: string
  readonly list: Reading[]
  add(at: number | undefined, line: LineValues): void
}

export function createDeviceReadings(device: string): DeviceReadings {
  const list: Reading[] = []
  const byTime = new Map<number, Reading>()
  return {
    device,
    list,
    add(at, line) {
      const known = at === undefined ? undefined : byTime.get(at)
      if (known) {
        known.lines.push(line)
        known.keys += line.values.length
        known.bytes += bytesOf(line.values)
        return
      }
      // Without a time the platform gives one, to each line its own.
      const reading = toReading(at, [line])
      if (at !== undefined) byTime.set(at, reading)
      list.push(reading)
    },
  }
}

const valuesOf = ({ lines }: Reading): Map<string, FieldValue> => {
  const values = new Map<string, FieldValue>()
  for (const line of lines) for (const [key, value] of line.values) values.set(key, value)
  return values
}

/** One message of `devices/{id}/telemetry`. */
export function toMessage(readings: readonly Reading[]): Buffer {
  const writer = createCborWriter()
  if (readings.length !== 1) writer.array(readings.length)
  for (const reading of readings) {
    const { at } = reading
    const values = valuesOf(reading)
    if (at !== undefined) {
      writer.map(2)
      writer.value('ts')
      writer.value(at / 1000)
      writer.value('values')
    }
    writer.map(values.size)
    for (const [key, value] of values) {
      writer.value(key)
      writer.value(value)
    }
  }
  return writer.bytes()
}
