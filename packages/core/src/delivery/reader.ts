import type { CommitCursor } from '../telemetry/port.ts'
import { distance, isBeyond, laterOf } from './distance.ts'
import { deliveryLimits } from './limits.ts'
import type { Placed, Since, Source } from './port.ts'

export interface ReadCounts {
  /** Points looked at, and items that they made. */
  points: number
  records: number
  /** Points that were gone before they were read. */
  gone: number
}

export interface NextBatch<T> {
  items: readonly T[]
  /** The place behind it: where to go on once it is delivered. */
  behind: CommitCursor
}

/** Cuts a stream into batches. */
export interface Reader<T> {
  /** Something waits: read already, or in the log. */
  readonly waits: boolean
  /** A whole batch does, as far as can be told without reading. */
  readonly full: boolean
  /** Items that wait behind this place, about. */
  waiting(cursor: CommitCursor): number
  /** Empty when nothing of what waits is wanted. */
  next(since: Since): Promise<NextBatch<T>>
  jump(cursor: CommitCursor): void
}

export function createReader<T>({
  source,
  batch,
  cursor: first,
  counts,
}: {
  source: Source<T>
  batch: number
  cursor: CommitCursor
  /** Counted on. */
  counts: ReadCounts
}): Reader<T> {
  let cursor = first
  /** Behind all that was taken. */
  let done = first
  let read: Placed<T>[] = []

  // Selected items are what a target is behind by; each costs so many points on the way.
  const pointsPerItem = (): number => Math.max(1, counts.records === 0 ? 1 : counts.points / counts.records)

  async function fill(since: Since): Promise<void> {
    let bytes = read.reduce((sum, each) => sum + each.bytes, 0)
    while (read.length < batch && bytes < deliveryLimits.batchBytes && isBeyond(source.end(), cursor)) {
      const wanted = Math.ceil((batch - read.length) * pointsPerItem())
      const end = source.end()
      const page = await source.read(cursor, Math.min(wanted, deliveryLimits.pagePoints), since)
      if (isBeyond(page.cursor, cursor)) {
        counts.points += distance(page.cursor, cursor)
        counts.records += page.items.length
        counts.gone += page.gone
        cursor = page.cursor
      } else {
        // What is missing up to an end that was there before the read is gone.
        counts.gone += distance(end, laterOf(cursor, since.floor))
        cursor = laterOf(cursor, end)
      }
      read.push(...page.items)
      for (const each of page.items) bytes += each.bytes
      // So that a long stretch of nothing is noted as it passes.
      if (read.length === 0) return
    }
  }

  return {
    get waits() {
      return read.length > 0 || isBeyond(source.end(), cursor)
    },
    get full() {
      return read.length >= batch || (read.length === 0 && distance(source.end(), cursor) >= batch * pointsPerItem())
    },
    waiting: (from) => Math.ceil(distance(source.end(), from) / pointsPerItem()),
    async next(since) {
      await fill(since)
      let bytes = 0
      let length = 0
      for (const each of read) {
        if (length >= batch || (length > 0 && bytes >= deliveryLimits.batchBytes)) break
        bytes += each.bytes
        length += 1
      }
      const taken = read.slice(0, length)
      read = read.slice(length)
      const items = taken.map(({ item }) => item)
      if (read.length === 0) done = cursor
      else {
        // Pages come in the order of the log, so all that is before the last one of a writer has been seen.
        done = { ...done }
        for (const { writer, seq } of taken) done[writer] = Math.max(done[writer] ?? 0, seq)
      }
      return { items, behind: done }
    },
    jump(to) {
      cursor = to
      done = to
      read = []
    },
  }
}
