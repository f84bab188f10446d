import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readIntegers, writeIntegers } from './integers.ts'
import { readNumbers, writeNumbers } from './numbers.ts'
import type { NumberSummary } from './summary.ts'

/** Numbers of one stretch of time, so that several of them make a longer one. */
export interface Rollup extends NumberSummary {
  /** Which stretch of the day (or whatever lies around) it is. */
  place: number
  count: number
}

const VERSION = 1

/** Writes roll-ups in order of their places. */
export function writeRollups(rollups: readonly Rollup[]): Uint8Array {
  const out = new ByteWriter()
  out.byte(VERSION)
  out.unsigned(rollups.length)
  writeIntegers(
    out,
    Float64Array.from(rollups, ({ place }) => place),
  )
  writeIntegers(
    out,
    Float64Array.from(rollups, ({ count }) => count),
  )
  for (const name of ['sum', 'min', 'max', 'first', 'last'] as const) {
    writeNumbers(
      out,
      Float64Array.from(rollups, (each) => each[name]),
    )
  }
  return out.done()
}

export function readRollups(bytes: Uint8Array): Rollup[] {
  const input = new ByteReader(bytes)
  input.byte()
  const length = input.unsigned()
  const places = readIntegers(input, length)
  const counts = readIntegers(input, length)
  const [sum, min, max, first, last] = Array.from({ length: 5 }, () => readNumbers(input, length))
  return Array.from(places, (place, i) => ({
    place,
    count: counts[i] ?? 0,
    sum: sum?.[i] ?? 0,
    min: min?.[i] ?? 0,
    max: max?.[i] ?? 0,
    first: first?.[i] ?? 0,
    last: last?.[i] ?? 0,
  }))
}

/** Joins neighbours into places `factor` times as long. */
export function coarsen(rollups: readonly Rollup[], factor: number): Rollup[] {
  const joined: Rollup[] = []
  for (const rollup of rollups) {
    const place = Math.floor(rollup.place / factor)
    const into = joined.at(-1)
    if (into?.place !== place) {
      joined.push({ ...rollup, place })
      continue
    }
    into.count += rollup.count
    into.sum += rollup.sum
    into.min = Math.min(into.min, rollup.min)
    into.max = Math.max(into.max, rollup.max)
    into.last = rollup.last
  }
  return joined
}
