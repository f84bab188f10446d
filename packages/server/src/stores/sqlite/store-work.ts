import type { DatabaseSync } from 'node:sqlite'
import { createChunkWriter } from './chunk-writer.ts'
import { createCommittedRead, type CommittedRead } from './committed-read.ts'
import { toFailure, type Failure } from './failure.ts'
import { shrink } from './free-pages.ts'
import { createCompaction } from './compaction.ts'
import { createGrowth } from './growth.ts'
import { createHotFeed } from './hot-feed.ts'
import { createPurge } from './purge.ts'
import { createRetention } from './retention.ts'
import { createRollupWork } from './rollup-work.ts'
import { SealQueue, type SealLimits } from './seal-queue.ts'
import { createSealedChunks } from './sealed-chunks.ts'
import { createSealing } from './sealing.ts'
import { createSeriesPoints } from './series-points.ts'
import { createSyncedTransaction } from './synced-transaction.ts'
import type { LogCalls, StoreCalls } from './telemetry-calls.ts'
import { createTelemetryReads, type TelemetryReads } from './telemetry-reads.ts'
import type { RequestOf } from './worker-reply.ts'

/** Rows that the log lets go of at once, at least, when so many may be hot. */
const TRIM_ROWS = 32_768
/** Part of the hot rows that may be in vain. */
const TRIM_PART = 1 / 4

type Request = RequestOf<
  Pick<StoreCalls, 'open' | 'deleteDevice' | 'retain' | 'hold' | 'devices' | 'stats' | 'trimmed'>
>
type Tended = StoreCalls['tend']['answer'] | { failure: Failure }

export interface StoreWork {
  readonly reads: TelemetryReads
  readonly committed: CommittedRead
  catchUp(): void
  /** What is done at once. */
  answer(request: Request): unknown
  /** Seals what is due, little by little, and says then what the log may let go of. */
  tend(ask: StoreCalls['tend']['ask'], done: (answer: Tended) => void): void
  /** Does a little; answers whether there is more. */
  background(): boolean
}

/** All that the storing thread does with its two files. */
export function createStoreWork(db: DatabaseSync, hot: DatabaseSync, seal: SealLimits): StoreWork {
  const queue = new SealQueue(seal)
  const feed = createHotFeed(db, hot, (slot) => queue.grown(slot))
  const { index } = feed
  const chunks = createSealedChunks(db)
  const points = createSeriesPoints(index, chunks)
  const committed = createCommittedRead(db, index, chunks)
  const writer = createChunkWriter(db, seal.records, (owner) => compaction.late(owner))
  const compaction = createCompaction(db, writer, seal.records)
  const sealing = createSealing(db, feed, queue, writer)
  const purge = createPurge(db, feed)
  const rollups = createRollupWork(db, points)
  const retention = createRetention(db, feed, writer)
  const growth = createGrowth(db)
  const synced = createSyncedTransaction(db)
  const floor = db.prepare('UPDATE meta SET seq_floor = max(seq_floor, ?)')
  const counts = db.prepare('SELECT dropped, unread, (SELECT count(*) FROM series) AS series FROM meta')
  const devices = db.prepare('SELECT DISTINCT device FROM series WHERE device > ? ORDER BY device LIMIT ?')
  const leastTrim = Math.max(1, Math.min(TRIM_ROWS, Math.floor(seal.hotRows * TRIM_PART)))
  let tending: ((answer: Tended) => void) | undefined
  let last = false
  let houseDue = true

  /** In a transaction of its own, durable when it answers. */
  function inTransaction<T>(work: () => T): T {
    feed.catchUp()
    return synced(work)
  }

  function trimmable(least = leastTrim): LogCalls['trim']['ask'] | undefined {
    const trim = feed.trimmable(least)
    // What leaves the log must be on the disk in the chunks.
    if (trim) synced(() => floor.run(feed.lastSeq()))
    return trim
  }

  /** One step of sealing, and the answer when it is time for one. */
  function tendSome(): void {
    const done = tending
    if (!done) return
    try {
      feed.catchUp()
      const more = !last && sealing.step()
      const trim = trimmable(last ? 1 : leastTrim)
      if (more && !trim) return
      tending = undefined
      done({ trim, behind: index.total - queue.most(index), more })
    } catch (error) {
      if (toFailure(error).sort === 'corrupt') throw error
      tending = undefined
      done({ failure: toFailure(error) })
    }
  }

  /** The hour's sample and free pages, when nothing else is to be done; answers whether there is more. */
  function keepHouse(): boolean {
    if (!houseDue) return false
    try {
      growth.sample(feed.lastSeq(), Date.now())
      houseDue = shrink(db)
    } catch (error) {
      if (toFailure(error).sort === 'corrupt') throw error
      // The disk cannot take it now; it is tried again with the next sweep.
      houseDue = false
    }
    return houseDue
  }

  return {
    reads: createTelemetryReads(db, index, chunks, points),
    committed,
    catchUp: () => feed.catchUp(),
    answer(request) {
      switch (request.op) {
        case 'open':
          feed.catchUp()
          return this.reads.open(request.ask)
        case 'deleteDevice': {
          const { device } = request.ask
          inTransaction(() => purge.doom(device))
          index.forget(device)
          committed.forget()
          return undefined
        }
        case 'retain': {
          const { result, settle } = inTransaction(() => retention.drop(request.ask))
          settle()
          return result
        }
        case 'hold':
          return inTransaction(() => retention.hold(request.ask.follower, request.ask.seq))
        case 'devices':
          feed.catchUp()
          return devices.all(request.ask.after, request.ask.limit).map(({ device }) => String(device))
        case 'stats': {
          feed.catchUp()
          const row = counts.get()
          return {
            points: feed.lastSeq() - Number(row?.['dropped']),
            series: Number(row?.['series']),
            droppedUnread: Number(row?.['unread']),
            pointsPerDay: growth.pointsPerDay(feed.lastSeq(), Date.now()),
          }
        }
        case 'trimmed':
          return feed.trimmed(request.ask)
      }
    },
    tend({ sweep, last: isLast }, done) {
      last = isLast
      if (sweep) {
        queue.sweep(index, Date.now())
        houseDue = true
      }
      tending = done
    },
    background() {
      if (tending) {
        tendSome()
        return true
      }
      return purge.step() || compaction.step() || rollups.step(Date.now() - seal.rollupAfterMs) || keepHouse()
    },
  }
}
