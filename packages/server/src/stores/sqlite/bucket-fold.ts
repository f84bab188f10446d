import { kinds, type AggregateName } from '@patchbay/core/telemetry/port'
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
    // Times are integers below 2^53, so the quotient is never rounded up to the next bucket.
    const bucket = Math.floor((row.at - this.#from) / this.#step)
    if (bucket !== this.#bucket) {
      this.#close()
      this.#bucket = bucket
      this.#rows = 0
      this.#sum = 0
      this.#min = Infinity
      this.#max = -Infinity
      this.#first = row
    }
    this.#rows += 1
    this.#last = row
    if (typeof value === 'number') {
      this.#sum += value
      if (value < this.#min) this.#min = value
      if (value > this.#max) this.#max = value
    }
    return true
  }

  done(): KeyBuckets {
    this.#close()
    return this.#buckets
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
