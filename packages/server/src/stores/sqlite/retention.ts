import type { DatabaseSync } from 'node:sqlite'
import { readFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { stripFrame } from '@patchbay/core/telemetry/codec/strip-frame'
import type { Retention, RetentionResult, RetentionTimes } from '@patchbay/core/telemetry/port'
import type { ChunkWriter } from './chunk-writer.ts'
import { StoreCorrupt } from './errors.ts'
import type { HotFeed } from './hot-feed.ts'
import { DAY, dayOf, tiers } from './tiers.ts'

/** Chunks and hot rows dropped by one request: few enough that no read waits long behind it. */
const CHUNKS_AT_ONCE = 100
const ROWS_AT_ONCE = 2_000
/** Devices of which it is known up to where their chunks were looked through key by key. */
const MAX_LOOKED = 100_000

export interface RetentionWork {
  /** Drops some points in the open transaction, to be settled once that is committed; `more` when it is to be asked again. */
  drop(retention: Retention): { result: RetentionResult & { more: boolean }; settle: () => void }
  /** Keeps where a follower stands. */
  hold(follower: string, seq: number | undefined): void
}

interface Chunk {
  id: number
  toAt: number
  seqTo: number
  points: number
}

export function createRetention(db: DatabaseSync, feed: HotFeed, writer: ChunkWriter): RetentionWork {
  const slowest = db.prepare('SELECT min(seq) AS n FROM follower')
  const keep = db.prepare('INSERT OR REPLACE INTO follower VALUES (?, ?)')
  const forget = db.prepare('DELETE FROM follower WHERE name = ?')
  const owner = db.prepare('SELECT id FROM owner WHERE device = ?')
  const seriesOf = db.prepare('SELECT id, key FROM series WHERE device = ?')
  const oldChunks = db.prepare(
    `SELECT id, to_at, seq_to, points FROM chunk WHERE owner = ? AND to_at >= ? AND to_at < ?
     AND (seq_to <= ? OR to_at < ?) ORDER BY to_at LIMIT ?`,
  )
  const firstUnread = db.prepare(
    'SELECT min(to_at) AS n FROM chunk WHERE owner = ? AND to_at >= ? AND to_at < ? AND seq_to > ? AND to_at >= ?',
  )
  const body = db.prepare('SELECT body FROM chunk WHERE id = ?')
  const dropChunk = db.prepare('DELETE FROM chunk WHERE id = ?')
  const dropRow = db.prepare('INSERT OR IGNORE INTO gone VALUES (?)')
  const dropNewest = db.prepare('DELETE FROM newest WHERE series = ? AND at < ? AND (seq <= ? OR at < ?)')
  const changedFrom = db.prepare('SELECT min(day) AS n FROM changed WHERE owner = ?')
  const rawFrom = db.prepare('UPDATE owner SET raw_from = max(raw_from, ?) WHERE id = ?')
  const seriesFrom = db.prepare(
    'INSERT INTO series_from VALUES (?, ?) ON CONFLICT (series) DO UPDATE SET raw_from = max(raw_from, excluded.raw_from)',
  )
  const dropRollups = db.prepare('DELETE FROM rollup WHERE series = ? AND tier = ? AND day < ?')
  const count = db.prepare('UPDATE meta SET dropped = dropped + ?, unread = unread + ?, seq_floor = max(seq_floor, ?)')
  /** Chunks of the owner that end before were stripped of what the same days want gone; known until the next start. */
  const looked = new Map<number, { days: string; to: number }>()

  /** Drops the columns of a chunk that go; answers how many points they had. */
  function strip(of: number, { id, points }: Chunk, goes: (series: number) => boolean): number {
    const bytes = body.get(id)?.['body']
    if (!(bytes instanceof Uint8Array)) throw new StoreCorrupt('a chunk has no body')
    const { dropped, ...left } = stripFrame(readFrame(bytes), goes)
    if (dropped === points) dropChunk.run(id)
    else if (dropped > 0) writer.replace(id, of, left)
    return dropped
  }

  return {
    drop({ device, keys = [], ...asked }) {
      const of = owner.get(device)?.['id']
      const found = seriesOf.all(device).map(toSeries)
      const own = new Map(keys.map(({ key, ...times }) => [key, times]))
      // What is not yet rolled up waits for it.
      const unrolled = typeof of === 'number' ? changedFrom.get(of)?.['n'] : undefined
      const latest = typeof unrolled === 'number' ? unrolled * DAY : Infinity
      const timesOf = new Map<number, RetentionTimes>()
      for (const { id, key } of found) {
        const times = own.get(key) ?? asked
        timesOf.set(id, { ...times, before: Math.min(times.before, latest) })
      }
      const all = [...timesOf.values()]
      // What no series of now has is as for all.
      const first = all.length === 0 ? asked.before : Math.min(...all.map(({ before }) => before))
      const last = Math.max(first, ...all.map(({ before }) => before))
      const firstUnreadBefore = Math.min(asked.unreadBefore, ...all.map(({ unreadBefore }) => unreadBefore))
      const lastUnreadBefore = Math.max(asked.unreadBefore, ...all.map(({ unreadBefore }) => unreadBefore))
      const read = slowest.get()?.['n']
      const readTo = typeof read === 'number' ? read : Number.MAX_SAFE_INTEGER
      const result = { dropped: 0, unread: 0, more: false }
      const goes = (series: number, at: number, seq: number): boolean => {
        const times = timesOf.get(series) ?? asked
        return at < times.before && (seq <= readTo || at < times.unreadBefore)
      }

      let place = looked.get(Number(of))
      if (typeof of === 'number') {
        rawFrom.run(first, of)
        for (const [id, { before }] of timesOf) if (before > first) seriesFrom.run(id, before)
        const add = (chunk: Chunk, dropped: number) => {
          result.dropped += dropped
          if (chunk.seqTo > readTo) result.unread += Math.min(dropped, chunk.seqTo - readTo)
        }
        // What ends before all keys' times goes whole.
        const whole = oldChunks.all(of, 0, first, readTo, firstUnreadBefore, CHUNKS_AT_ONCE).map(toChunk)
        for (const chunk of whole) {
          dropChunk.run(chunk.id)
          add(chunk, chunk.points)
        }
        const days = all.map(({ before }) => Math.round((last - before) / DAY)).join()
        const begin = Math.max(first, place?.days === days ? place.to : first)
        const mixed = oldChunks.all(of, begin, last, readTo, lastUnreadBefore, CHUNKS_AT_ONCE).map(toChunk)
        for (const chunk of mixed)
          add(
            chunk,
            strip(of, chunk, (series) => goes(series, chunk.toAt, chunk.seqTo)),
          )
        const end = mixed.length < CHUNKS_AT_ONCE ? last : Math.max(begin + 1, mixed.at(-1)?.toAt ?? last)
        const unread = firstUnread.get(of, begin, end, readTo, lastUnreadBefore)?.['n']
        place = { days, to: mixed.length < CHUNKS_AT_ONCE && typeof unread === 'number' ? unread : end }
        result.more = whole.length === CHUNKS_AT_ONCE || mixed.length === CHUNKS_AT_ONCE
      }
      const rows = feed.index.find(device, goes, ROWS_AT_ONCE)
      for (const seq of rows) {
        dropRow.run(seq)
        if (seq > readTo) result.unread += 1
      }
      result.dropped += rows.length
      result.more ||= rows.length === ROWS_AT_ONCE
      if (!result.more) {
        for (const [id, { before, unreadBefore, tiers: rolledUp = {} }] of timesOf) {
          for (const [name, tier] of Object.entries(tiers)) {
            const end = isTierName(name) ? rolledUp[name] : undefined
            if (end !== undefined) dropRollups.run(id, tier, dayOf(end))
          }
          dropNewest.run(id, before, readTo, unreadBefore)
        }
      }
      if (result.dropped > 0) count.run(result.dropped, result.unread, feed.lastSeq())
      return {
        result,
        settle() {
          feed.index.drop(device, rows)
          if (looked.size > MAX_LOOKED) looked.clear()
          if (typeof of === 'number' && place) looked.set(of, place)
        },
      }
    },
    hold(follower, seq) {
      if (seq === undefined) forget.run(follower)
      else keep.run(follower, seq)
    },
  }
}

function toSeries({ id, key }: Record<string, unknown>): { id: number; key: string } {
  if (typeof id !== 'number' || typeof key !== 'string') throw new StoreCorrupt('a series has a wrong form')
  return { id, key }
}

function toChunk({ id, to_at: toAt, seq_to: seqTo, points }: Record<string, unknown>): Chunk {
  if (typeof id !== 'number' || typeof toAt !== 'number' || typeof seqTo !== 'number' || typeof points !== 'number') {
    throw new StoreCorrupt('a chunk has a wrong form')
  }
  return { id, toAt, seqTo, points }
}

function isTierName(name: string): name is keyof typeof tiers {
  return Object.hasOwn(tiers, name)
}
