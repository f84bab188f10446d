import type { DatabaseSync } from 'node:sqlite'
import { kinds, type Batch } from '@patchbay/core/telemetry/port'
import { StoreCorrupt } from './errors.ts'
import type { SeriesDefinition } from './telemetry-calls.ts'

/** Rows of one INSERT. More are no faster and make the last, partial block longer. */
const BLOCK_ROWS = 16
const COLUMNS = 5

export interface HotLog {
  readonly writer: string
  readonly lastSeries: number
  /** Inserts in the open transaction. */
  append(batch: Batch, definitions: readonly SeriesDefinition[]): void
  stats(): { points: number; series: number; droppedUnread: number }
  /** The highest sequence number given so far. */
  lastSeq(): number
  /** Reads the counters anew after a transaction was taken back. */
  restore(): void
}

export function createHotLog(db: DatabaseSync): HotLog {
  const marks = `(${Array.from({ length: COLUMNS }, () => '?').join(', ')})`
  const insertBlock = db.prepare(`INSERT INTO hot VALUES ${Array.from({ length: BLOCK_ROWS }, () => marks).join(', ')}`)
  const insertOne = db.prepare(`INSERT INTO hot VALUES ${marks}`)
  // A definition comes again when the batch that brought it first was refused or is not yet answered.
  const define = db.prepare('INSERT OR IGNORE INTO series VALUES (?, ?, ?)')
  const highest = db.prepare('SELECT max(ifnull((SELECT max(seq) FROM hot), 0), seq_floor) AS n FROM meta')
  const counts = db.prepare('SELECT dropped, unread, (SELECT count(*) FROM series) AS series FROM meta')
  const block: (number | string)[] = Array.from({ length: BLOCK_ROWS * COLUMNS }, () => 0)

  const lastSeries = toNumber(
    db
      .prepare(
        'SELECT max(ifnull((SELECT max(id) FROM series), 0), ifnull((SELECT max(series) FROM doomed), 0)) AS n FROM meta',
      )
      .get()?.['n'],
  )
  const writer = db.prepare('SELECT writer FROM meta').get()?.['writer']
  if (typeof writer !== 'string') throw new StoreCorrupt('the name of the writer is missing')
  let seq = toNumber(highest.get()?.['n'])

  return {
    writer,
    lastSeries,
    append(batch, definitions) {
      for (const { id, device, key } of definitions) define.run(id, device, key)
      const { length, series, at, kind, number, text } = batch
      let nextText = 0
      let filled = 0
      for (let i = 0; i < length; i++) {
        seq += 1
        block[filled] = seq
        block[filled + 1] = series[i] ?? 0
        block[filled + 2] = at[i] ?? 0
        const sort = kind[i] ?? 0
        block[filled + 3] = sort
        block[filled + 4] = sort >= kinds.text ? (text[nextText++] ?? '') : (number[i] ?? 0)
        filled += COLUMNS
        if (filled === block.length) {
          insertBlock.run(...block)
          filled = 0
        }
      }
      for (let from = 0; from < filled; from += COLUMNS) insertOne.run(...block.slice(from, from + COLUMNS))
    },
    stats() {
      const row = counts.get()
      return {
        points: seq - toNumber(row?.['dropped']),
        series: toNumber(row?.['series']),
        droppedUnread: toNumber(row?.['unread']),
      }
    },
    lastSeq: () => seq,
    restore() {
      seq = toNumber(highest.get()?.['n'])
    },
  }
}

function toNumber(value: unknown): number {
  if (typeof value !== 'number') throw new StoreCorrupt('not a number in the database')
  return value
}
