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
/** How the columns follow each other; stored so, never change it. */
const columnOrder: readonly (keyof NumberSummary)[] = ['sum', 'min', 'max', 'first', 'last']
const none = new Float64Array()

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
  for (const name of columnOrder) {
    writeNumbers(
      out,
      Float64Array.from(rollups, (each) => each[name]),
    )
  }
  return out.done()
}

/** Written roll-ups, a column for each of their numbers. */
export class RollupColumns {
  readonly places: Float64Array
  readonly counts: Float64Array
  readonly #input: ByteReader
  readonly #numbers: Float64Array[] = []

  constructor(bytes: Uint8Array) {
    this.#input = new ByteReader(bytes)
    this.#input.byte()
    const length = this.#input.unsigned()
    this.places = readIntegers(this.#input, length)
    this.counts = readIntegers(this.#input, length)
  }

  /** Columns are opened up to the wanted one: a mean never looks at what follows the sums. */
  numbers(name: keyof NumberSummary): Float64Array {
    const place = columnOrder.indexOf(name)
    while (this.#numbers.length <= place) this.#numbers.push(readNumbers(this.#input, this.places.length))
    return this.#numbers[place] ?? none
  }
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
