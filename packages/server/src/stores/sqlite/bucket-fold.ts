import { kinds, type AggregateName } from '@patchbay/core/telemetry/port'
import type { Summary } from '@patchbay/core/telemetry/codec/summary'
import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'
import type { HotRow } from './hot-rows.ts'
import type { KeyBuckets } from './telemetry-calls.ts'

/** Buckets that one answer may hold, over all its keys. */
export const MAX_BUCKETS = 500_000

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
  #first: HotRow | undefined
  #last: HotRow | undefined

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
    this.#enter(row.at, row)
    this.#rows += 1
    this.#last = row
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
  addSummary({ firstAt, lastAt, count, numbers }: Summary): void {
    this.#enter(firstAt, { seq: 0, at: firstAt, kind: kinds.number, value: numbers?.first ?? 0 })
    this.#rows += count
    this.#last = { seq: 0, at: lastAt, kind: kinds.number, value: numbers?.last ?? 0 }
    if (!numbers) return
    this.#sum += numbers.sum
    if (numbers.min < this.#min) this.#min = numbers.min
    if (numbers.max > this.#max) this.#max = numbers.max
  }

  done(): KeyBuckets {
    this.#close()
    return this.#buckets
  }

  #bucketOf(at: number): number {
    // Times are integers below 2^53, so the quotient is never rounded up to the next bucket.
    return Math.floor((at - this.#from) / this.#step)
  }

  #enter(at: number, first: HotRow): void {
    const bucket = this.#bucketOf(at)
    if (bucket === this.#bucket) return
    this.#close()
    this.#bucket = bucket
    this.#rows = 0
    this.#sum = 0
    this.#min = Infinity
    this.#max = -Infinity
    this.#first = first
  }

  #close(): void {
    if (this.#rows === 0) return
    this.#count.left -= 1
    if (this.#count.left < 0) {
      throw new ReadTooLarge(`the answer has more than ${MAX_BUCKETS} buckets; ask for a longer step or fewer keys`)
    }
    const { at, kind, value } = this.#buckets
    at.push(this.#from + this.#bucket * this.#step)
    const row = this.#aggregate === 'first' ? this.#first : this.#aggregate === 'last' ? this.#last : undefined
    kind.push(row ? row.kind : kinds.number)
    value.push(row ? row.value : this.#number())
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
