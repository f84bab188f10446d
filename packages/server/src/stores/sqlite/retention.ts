import type { DatabaseSync } from 'node:sqlite'
import type { Retention, RetentionResult } from '@patchbay/core/telemetry/port'
import { StoreCorrupt } from './errors.ts'
import type { HotFeed } from './hot-feed.ts'
import { DAY, dayOf, tiers } from './tiers.ts'

/** Chunks and hot rows dropped by one request: few enough that no read waits long behind it. */
const CHUNKS_AT_ONCE = 100
const ROWS_AT_ONCE = 2_000

export interface RetentionWork {
  /** Drops some points in the open transaction, to be settled once that is committed; `more` when it is to be asked again. */
  drop(retention: Retention): { result: RetentionResult & { more: boolean }; settle: () => void }
  /** Keeps where a follower stands. */
  hold(follower: string, seq: number | undefined): void
}

export function createRetention(db: DatabaseSync, feed: HotFeed): RetentionWork {
  const slowest = db.prepare('SELECT min(seq) AS n FROM follower')
  const keep = db.prepare('INSERT OR REPLACE INTO follower VALUES (?, ?)')
  const forget = db.prepare('DELETE FROM follower WHERE name = ?')
  const owner = db.prepare('SELECT id FROM owner WHERE device = ?')
  const series = db.prepare('SELECT id FROM series WHERE device = ?')
  const oldChunks = db.prepare(
    `SELECT id, points, seq_to FROM chunk WHERE owner = ? AND to_at < ? AND (seq_to <= ? OR to_at < ?) LIMIT ?`,
  )
  const dropChunk = db.prepare('DELETE FROM chunk WHERE id = ?')
  const dropRow = db.prepare('INSERT OR IGNORE INTO gone VALUES (?)')
  const dropNewest = db.prepare('DELETE FROM newest WHERE series = ? AND at < ? AND (seq <= ? OR at < ?)')
  const changedFrom = db.prepare('SELECT min(day) AS n FROM changed WHERE owner = ?')
  const rawFrom = db.prepare('UPDATE owner SET raw_from = max(raw_from, ?) WHERE id = ?')
  const dropRollups = db.prepare('DELETE FROM rollup WHERE series = ? AND tier = ? AND day < ?')
  const count = db.prepare('UPDATE meta SET dropped = dropped + ?, unread = unread + ?, seq_floor = max(seq_floor, ?)')

  return {
    drop({ device, before: asked, unreadBefore, tiers: rolledUp = {} }) {
      const of = owner.get(device)?.['id']
      // What is not yet rolled up waits for it.
      const unrolled = typeof of === 'number' ? changedFrom.get(of)?.['n'] : undefined
      const before = Math.min(asked, typeof unrolled === 'number' ? unrolled * DAY : asked)
      if (typeof of === 'number') rawFrom.run(before, of)
      const read = slowest.get()?.['n']
      const readTo = typeof read === 'number' ? read : Number.MAX_SAFE_INTEGER
      const result = { dropped: 0, unread: 0, more: false }
      const chunks = typeof of === 'number' ? oldChunks.all(of, before, readTo, unreadBefore, CHUNKS_AT_ONCE) : []
      for (const { id, points, seq_to: seqTo } of chunks) {
        if (typeof id !== 'number' || typeof points !== 'number' || typeof seqTo !== 'number') {
          throw new StoreCorrupt('a chunk has a wrong form')
        }
        dropChunk.run(id)
        result.dropped += points
        if (seqTo > readTo) result.unread += Math.min(points, seqTo - readTo)
      }
      const rows = feed.index.find(
        device,
        (_, at, seq) => at < before && (seq <= readTo || at < unreadBefore),
        ROWS_AT_ONCE,
      )
      for (const seq of rows) {
        dropRow.run(seq)
        if (seq > readTo) result.unread += 1
      }
      result.dropped += rows.length
      result.more = chunks.length === CHUNKS_AT_ONCE || rows.length === ROWS_AT_ONCE
      if (!result.more) {
        for (const { id } of series.all(device)) {
          for (const [name, tier] of Object.entries(tiers)) {
            const end = isTierName(name) ? rolledUp[name] : undefined
            if (typeof id === 'number' && end !== undefined) dropRollups.run(id, tier, dayOf(end))
          }
          if (typeof id === 'number') dropNewest.run(id, before, readTo, unreadBefore)
        }
      }
      if (result.dropped > 0) count.run(result.dropped, result.unread, feed.lastSeq())
      return { result, settle: () => feed.index.drop(device, rows) }
    },
    hold(follower, seq) {
      if (seq === undefined) forget.run(follower)
      else keep.run(follower, seq)
    },
  }
}

function isTierName(name: string): name is keyof typeof tiers {
  return Object.hasOwn(tiers, name)
}
