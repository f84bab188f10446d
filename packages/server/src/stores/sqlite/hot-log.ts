import type { DatabaseSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'
import { ROW_BYTES } from './packed-rows.ts'
import type { LogCalls, SeriesDefinition } from './telemetry-calls.ts'

export interface HotLog {
  /** Inserts in the open transaction; answers the sequence number of the last row. */
  append(ask: LogCalls['append']['ask']): number
  /** Lets go of what is sealed, in the open transaction. */
  trim(ask: LogCalls['trim']['ask']): void
  /** Reads the counter anew after a transaction was taken back. */
  restore(): void
  /** The highest sequence number given so far. */
  lastSeq(): number
}

/** Appends to the hot log; numbers go on from `floor` or the newest row. */
export function createHotLog(db: DatabaseSync, floor: number): HotLog {
  const insert = db.prepare('INSERT INTO hot (seq, definitions, texts, seqs, body) VALUES (?, ?, ?, ?, ?)')
  const newest = db.prepare('SELECT max(seq) AS n FROM hot')
  const remove = db.prepare('DELETE FROM hot WHERE seq <= ?')
  const lastSeq = () => Math.max(floor, Number(newest.get()?.['n'] ?? 0))
  let seq = lastSeq()
  let lowest = floor
  return {
    append({ body, text, definitions }) {
      seq += body.length / ROW_BYTES
      const defined = definitions.length > 0 ? JSON.stringify(definitions) : null
      insert.run(seq, defined, text.length > 0 ? JSON.stringify(text) : null, null, body)
      return seq
    },
    trim({ to, kept }) {
      lowest = Math.max(lowest, to)
      remove.run(to)
      if (kept) insert.run(to, null, kept.text.length > 0 ? JSON.stringify(kept.text) : null, kept.seqs, kept.body)
    },
    restore() {
      seq = Math.max(lowest, lastSeq())
    },
    lastSeq: () => seq,
  }
}

/** What the log holds when it is opened: points, and the highest id of a series that is defined in it. */
export function countHot(db: DatabaseSync): { points: number; lastSeries: number } {
  const points = Number(db.prepare(`SELECT ifnull(sum(length(body)), 0) AS n FROM hot`).get()?.['n'] ?? 0) / ROW_BYTES
  let lastSeries = 0
  for (const row of db.prepare('SELECT definitions FROM hot WHERE definitions IS NOT NULL').iterate()) {
    for (const { id } of readDefinitions(row['definitions'])) lastSeries = Math.max(lastSeries, id)
  }
  return { points, lastSeries }
}

export function readDefinitions(text: unknown): SeriesDefinition[] {
  return readList(text).filter(isDefinition)
}

/** A list as JSON; nothing is an empty one. */
export function readList(text: unknown): unknown[] {
  if (text === null) return []
  try {
    const list: unknown = typeof text === 'string' ? JSON.parse(text) : undefined
    if (Array.isArray(list)) return list
  } catch (error) {
    throw new StoreCorrupt('a row of the hot log is no JSON', { cause: error })
  }
  throw new StoreCorrupt('a row of the hot log has a wrong form')
}

function isDefinition(value: unknown): value is SeriesDefinition {
  if (typeof value !== 'object' || value === null || !('id' in value && 'device' in value && 'key' in value))
    return false
  return typeof value.id === 'number' && typeof value.device === 'string' && typeof value.key === 'string'
}
