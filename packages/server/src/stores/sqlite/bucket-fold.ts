import { kinds, type AggregateName } from '@patchbay/core/telemetry/port'
import type { NumberSummary, Summary } from '@patchbay/core/telemetry/codec/summary'
import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'
import type { HotRow } from './hot-rows.ts'
import type { DayRollups } from './rollup-read.ts'
import type { KeyBuckets } from './telemetry-calls.ts'

/** Buckets that one answer may hold, over all its keys. */
export const MAX_BUCKETS = 500_000

const noNumbers = new Float64Array()

/** Counts the buckets of a whole answer. */
export interface BucketCount {
  left: number
}

/** Gathers the rows of one key, given in order of time, into buckets. */
export class BucketFold {
  readonly #from: number
  readonly #step: number
  readonly #aggregate: AggregateName
  readonly #numeric: boolean
  readonly #buckets: KeyBuckets
  readonly #count: BucketCount
  #bucket = -1
  #rows = 0
  #sum = 0
  #min = 0
  #max = 0
  #firstKind = 0
  #firstValue: number | string = 0
  #lastKind = 0
  #lastValue: number | string = 0

  constructor(key: string, query: { from: number; step: number; aggregate: AggregateName }, count: BucketCount) {
    this.#from = query.from
    this.#step = query.step
    this.#aggregate = query.aggregate
    this.#numeric = !['count', 'first', 'last'].includes(query.aggregate)
    this.#buckets = { key, at: [], kind: [], value: [] }
    this.#count = count
  }

  /** Answers false when the value cannot be aggregated so. */
  add(row: HotRow): boolean {
    const { kind, value } = row
    if (this.#numeric && kind !== kinds.number) return false
    this.#take(row.at, 1, kind, value, kind, value)
    if (typeof value === 'number') {
      this.#sum += value
      if (value < this.#min) this.#min = value
      if (value > this.#max) this.#max = value
    }
    return true
  }

  /** Whether the summary says all that this aggregate asks for and lies in one bucket. */
  takes({ firstAt, lastAt, numbers }: Summary): boolean {
    if (this.#aggregate !== 'count' && !numbers) return false
    return this.#bucketOf(firstAt) === this.#bucketOf(lastAt)
  }

  /** Adds points that `takes` has accepted. */
  addSummary({ firstAt, count, numbers }: Summary): void {
    this.#take(firstAt, count, kinds.number, numbers?.first ?? 0, kinds.number, numbers?.last ?? 0)
    if (!numbers) return
    this.#sum += numbers.sum
    if (numbers.min < this.#min) this.#min = numbers.min
    if (numbers.max > this.#max) this.#max = numbers.max
  }

  /** Adds the stretches of a day that begin in [from, to); none is longer than a bucket. */
  addRollups({ start, unit, columns }: DayRollups, from: number, to: number): void {
    const { places, counts } = columns
    const sums = this.#column(columns, 'sum', 'avg')
    const mins = this.#column(columns, 'min', 'minmax')
    const maxs = this.#column(columns, 'max', 'minmax')
    const firsts = this.#column(columns, 'first')
    const lasts = this.#column(columns, 'last')
    for (let i = 0; i < places.length; i++) {
      const at = start + (places[i] ?? 0) * unit
      if (at < from || at >= to) continue
      this.#take(at, counts[i] ?? 0, kinds.number, firsts[i] ?? 0, kinds.number, lasts[i] ?? 0)
      this.#sum += sums[i] ?? 0
      const min = mins[i] ?? 0
      if (min < this.#min) this.#min = min
      const max = maxs[i] ?? 0
      if (max > this.#max) this.#max = max
    }
  }

  /** A column, opened only when the aggregate is made of it. */
  #column(columns: DayRollups['columns'], name: keyof NumberSummary, also?: AggregateName): Float64Array {
    return this.#aggregate === name || this.#aggregate === also ? columns.numbers(name) : noNumbers
  }

  done(): KeyBuckets {
    this.#close()
    return this.#buckets
  }

  #bucketOf(at: number): number {
    // Times are integers below 2^53, so the quotient is never rounded up to the next bucket.
    return Math.floor((at - this.#from) / this.#step)
  }

  #take(
    at: number,
    count: number,
    firstKind: number,
    firstValue: number | string,
    lastKind: number,
    lastValue: number | string,
  ): void {
    const bucket = this.#bucketOf(at)
    if (bucket !== this.#bucket) {
      this.#close()
      this.#bucket = bucket
      this.#rows = 0
      this.#sum = 0
      this.#min = Infinity
      this.#max = -Infinity
      this.#firstKind = firstKind
      this.#firstValue = firstValue
    }
    this.#rows += count
    this.#lastKind = lastKind
    this.#lastValue = lastValue
  }

  #close(): void {
    if (this.#rows === 0) return
    this.#count.left -= 1
    if (this.#count.left < 0) {
      throw new ReadTooLarge(`the answer has more than ${MAX_BUCKETS} buckets; ask for a longer step or fewer keys`)
    }
    const { at, kind, value } = this.#buckets
    at.push(this.#from + this.#bucket * this.#step)
    const isLast = this.#aggregate === 'last'
    if (isLast || this.#aggregate === 'first') {
      kind.push(isLast ? this.#lastKind : this.#firstKind)
      value.push(isLast ? this.#lastValue : this.#firstValue)
      return
    }
    kind.push(kinds.number)
    value.push(this.#number())
  }

  #number(): number | [number, number] {
    switch (this.#aggregate) {
      case 'min':
        return this.#min
      case 'max':
        return this.#max
      case 'minmax':
        return [this.#min, this.#max]
      case 'sum':
        return finite(this.#sum)
      case 'avg':
        return finite(this.#sum / this.#rows)
      default:
        return this.#rows
    }
  }
}

/** A sum beyond the largest double: JSON has no infinity. */
function finite(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE)
}
