import type { DatabaseSync } from 'node:sqlite'
import { readFrame, writeFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { fillFrames, framePoints, type FilledFrame } from '@patchbay/core/telemetry/codec/frame'
import { joinPoints, splitPoints, type PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import { kinds } from '@patchbay/core/telemetry/port'
import { summarise, writeSummaries } from '@patchbay/core/telemetry/codec/summary'
import { StoreCorrupt } from './errors.ts'
import { DAY, dayOf } from './tiers.ts'

/** Points of one chunk, for devices with many keys. */
export const MAX_CHUNK_POINTS = 8_192
export const MIN_CHUNK_RECORDS = 8

/**
 * Chunks that will not be replaced have ids from here on, so that they fill their pages one after the other; among those that come and
 * go they would stay behind alone on pages that are empty otherwise.
 */
export const FIRST_FINAL = 2 ** 40

export interface ChunkWriter {
  /** Puts what is left of a frame in the chunk's place, in the open transaction. */
  replace(id: number, owner: number, filled: FilledFrame): void
  remove(id: number): void
  /** Stores a frame that will not be made anew with what follows. */
  insert(owner: number, filled: FilledFrame): void
  /** Stores points of one device, in the order of their numbers, as chunks, and that all up to that number are; in the open transaction. */
  write(device: string, points: PointColumns, sealedTo: number): void
}

interface Newest {
  id: number
  toAt: number
  records: number
  points: number
}

/** `onLate` hears of each chunk of late points. */
export function createChunkWriter(db: DatabaseSync, maxRecords: number, onLate: (owner: number) => void): ChunkWriter {
  const findOwner = db.prepare('SELECT id FROM owner WHERE device = ?')
  const addOwner = db.prepare('INSERT INTO owner (device) VALUES (?)')
  const newest = db.prepare('SELECT id, to_at, records, points FROM chunk WHERE owner = ? ORDER BY to_at DESC LIMIT 2')
  const body = db.prepare('SELECT body FROM chunk WHERE id = ?')
  const insert = db.prepare(
    'INSERT INTO chunk (id, owner, from_at, to_at, seq_from, seq_to, records, points, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const remove = db.prepare('DELETE FROM chunk WHERE id = ?')
  const renew = db.prepare(
    `INSERT INTO newest VALUES (?, ?, ?, ?, ?) ON CONFLICT (series) DO UPDATE
     SET seq = excluded.seq, at = excluded.at, kind = excluded.kind, value = excluded.value
     WHERE (excluded.at, excluded.seq) > (newest.at, newest.seq)`,
  )

  const seal = db.prepare('UPDATE owner SET sealed_to = max(sealed_to, ?) WHERE id = ?')
  const change = db.prepare(
    'INSERT INTO changed VALUES (?, ?, 0, ?) ON CONFLICT (owner, day) DO UPDATE SET marked = marked + 1',
  )

  /** A day is rolled up once it is over. */
  function markChanged(owner: number, { at, length }: PointColumns): void {
    const nowMs = Date.now()
    const days = new Set<number>()
    for (let i = 0, last = NaN; i < length; i++) {
      const day = dayOf(at[i] ?? 0)
      if (day !== last) days.add(day)
      last = day
    }
    for (const day of days) change.run(owner, day, Math.max(nowMs, ((day + 1) * DAY) / 1_000))
  }

  function ownerOf(device: string): number {
    const id = findOwner.get(device)?.['id']
    return typeof id === 'number' ? id : Number(addOwner.run(device).lastInsertRowid)
  }

  function renewNewest({ length, seq, series, at, kind, number, text }: PointColumns): void {
    const last = new Map<number, number>()
    for (let i = 0; i < length; i++) {
      const known = last.get(series[i] ?? 0)
      // Numbers ascend, so of one time the later counts.
      if (known === undefined || (at[i] ?? 0) >= (at[known] ?? 0)) last.set(series[i] ?? 0, i)
    }
    for (const [id, i] of last) {
      const sort = kind[i] ?? 0
      const value = number[i] ?? 0
      renew.run(id, seq[i] ?? 0, at[i] ?? 0, sort, sort >= kinds.text ? (text[value] ?? '') : value)
    }
  }

  const highest = db.prepare('SELECT max(id) AS n FROM chunk WHERE id < ?')
  const idBelow = (end: number, least: number) => Math.max(least, Number(highest.get(end)?.['n'] ?? 0))
  let lastOpen = idBelow(FIRST_FINAL, 0)
  let lastFinal = idBelow(Number.MAX_SAFE_INTEGER, FIRST_FINAL)

  function insertFrame(owner: number, { frame, points, seqFrom, seqTo }: FilledFrame, final: boolean): void {
    const head = writeSummaries(summarise(frame))
    const { at } = frame
    const id = final ? ++lastFinal : ++lastOpen
    insert.run(id, owner, at[0] ?? 0, at.at(-1) ?? 0, seqFrom, seqTo, at.length, points, head, writeFrame(frame))
  }

  return {
    replace(id, owner, filled) {
      remove.run(id)
      insertFrame(owner, filled, id >= FIRST_FINAL)
    },
    remove: (id) => void remove.run(id),
    insert: (owner, filled) => insertFrame(owner, filled, true),
    write(device, points, toSeq) {
      const owner = ownerOf(device)
      seal.run(toSeq, owner)
      if (points.length === 0) return
      renewNewest(points)
      markChanged(owner, points)
      const keys = new Set(points.series.subarray(0, points.length)).size
      const records = Math.max(MIN_CHUNK_RECORDS, Math.min(maxRecords, Math.floor(MAX_CHUNK_POINTS / keys)))
      const [last, before] = newest.all(owner).map(toNewest)
      // A chunk that is not full is made anew with what follows, some times until it is.
      const joins = last !== undefined && last.records < records && last.points < MAX_CHUNK_POINTS
      const sealedTo = (joins ? before : last)?.toAt ?? -Infinity
      // Late points stand by themselves, so that one of them does not make a chunk that reaches over many others.
      const { yes: late, no: onTime } = splitPoints(points, (place) => (points.at[place] ?? 0) <= sealedTo)
      let all = onTime
      if (joins && onTime.length > 0) {
        const bytes = body.get(last.id)?.['body']
        if (!(bytes instanceof Uint8Array)) throw new StoreCorrupt('a chunk has no body')
        all = joinPoints(framePoints(readFrame(bytes)), onTime)
        remove.run(last.id)
      }
      for (const filled of fillFrames(late, records)) {
        insertFrame(owner, filled, true)
        onLate(owner)
      }
      for (const filled of fillFrames(all, records)) insertFrame(owner, filled, filled.frame.at.length === records)
    },
  }
}

function toNewest({ id, to_at: toAt, records, points }: Record<string, unknown>): Newest {
  if (typeof id !== 'number' || typeof toAt !== 'number') throw new StoreCorrupt('a chunk has a wrong form')
  return { id, toAt, records: Number(records), points: Number(points) }
}
