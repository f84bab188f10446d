import { kinds } from '../port.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { readNumbers, writeNumbers } from './numbers.ts'
import type { Column, Frame } from './frame.ts'

/** What a series is within a time; a point that was replaced does not count. */
export interface Summary {
  series: number
  count: number
  firstAt: number
  lastAt: number
  /** When all values are numbers. */
  numbers: NumberSummary | undefined
}

export interface NumberSummary {
  sum: number
  min: number
  max: number
  first: number
  last: number
}

export function summarise({ at, columns }: Frame): Summary[] {
  return columns.map((column) => summariseColumn(at, column))
}

function summariseColumn(at: Float64Array, { series, present, values }: Column): Summary {
  const numeric = values.kind.every((kind) => kind === kinds.number)
  const numbers: NumberSummary = { sum: 0, min: Infinity, max: -Infinity, first: 0, last: 0 }
  let count = 0
  let firstAt = 0
  let lastAt = 0
  // Of points at one time the last one counts: a value is taken in once the next has another time.
  let held: number | undefined
  const take = (value: number) => {
    if (count === 0) numbers.first = value
    count += 1
    numbers.sum += value
    if (value < numbers.min) numbers.min = value
    if (value > numbers.max) numbers.max = value
    numbers.last = value
  }
  let place = 0
  for (let row = 0; row < at.length; row++) {
    if (!present[row]) continue
    const time = at[row] ?? 0
    if (held === undefined) firstAt = time
    else if (time !== lastAt) take(held)
    const value = values.value[place++]
    held = typeof value === 'number' ? value : 0
    lastAt = time
  }
  if (held !== undefined) take(held)
  return { series, count, firstAt, lastAt, numbers: numeric ? numbers : undefined }
}

export function writeSummaries(summaries: readonly Summary[]): Uint8Array {
  const out = new ByteWriter()
  let series = 0
  let at = 0
  out.unsigned(summaries.length)
  for (const summary of summaries) {
    out.signed(summary.series - series)
    out.unsigned(summary.count * 2 + (summary.numbers ? 1 : 0))
    out.signed(summary.firstAt - at)
    out.unsigned(summary.lastAt - summary.firstAt)
    series = summary.series
    at = summary.firstAt
    if (!summary.numbers) continue
    const { sum, min, max, first, last } = summary.numbers
    // A sum has rounding errors; the others are decimals where the values are.
    out.double(sum)
    writeNumbers(out, Float64Array.of(min, max, first, last))
  }
  return out.done()
}

export function readSummaries(bytes: Uint8Array): Summary[] {
  const input = new ByteReader(bytes)
  const summaries: Summary[] = []
  let series = 0
  let at = 0
  for (let left = input.unsigned(); left > 0; left--) {
    series += input.signed()
    const head = input.unsigned()
    at += input.signed()
    const lastAt = at + input.unsigned()
    const numbers = head % 2 === 1 ? readNumberSummary(input) : undefined
    summaries.push({ series, count: Math.floor(head / 2), firstAt: at, lastAt, numbers })
  }
  return summaries
}

function readNumberSummary(input: ByteReader): NumberSummary {
  const sum = input.double()
  const [min = 0, max = 0, first = 0, last = 0] = readNumbers(input, 4)
  return { sum, min, max, first, last }
}
