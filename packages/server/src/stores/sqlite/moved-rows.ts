import type { DatabaseSync } from 'node:sqlite'
import { kinds } from '@patchbay/core/telemetry/port'
import { StoreCorrupt } from './errors.ts'
import { asArrays, toHotRow } from './hot-rows.ts'
import { packRows } from './packed-rows.ts'

const ROWS_AT_ONCE = 4_096

/**
 * Moves the hot rows of a database of the version before into the hot log. They leave the database once they are durable there; whatever
 * the log held before that is of a move that did not come to its end.
 */
export function moveRows(db: DatabaseSync, hot: DatabaseSync): void {
  if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'moving'").get()) return
  const page = asArrays(
    db.prepare('SELECT seq, at, kind, value, series FROM moving WHERE seq > ? ORDER BY seq LIMIT ?'),
  )
  const insert = hot.prepare('INSERT INTO hot (seq, texts, seqs, body) VALUES (?, ?, ?, ?)')
  hot.exec('BEGIN IMMEDIATE; DELETE FROM hot')
  let last = 0
  for (;;) {
    const rows = page.all(last, ROWS_AT_ONCE).map((raw) => {
      const series: unknown = Array.isArray(raw) ? raw[4] : undefined
      if (typeof series !== 'number') throw new StoreCorrupt('a row of the hot log has no series')
      return { ...toHotRow(raw), series }
    })
    const seq = rows.at(-1)?.seq
    if (seq === undefined) break
    last = seq
    const body = packRows({
      length: rows.length,
      at: Float64Array.from(rows, ({ at }) => at),
      number: Float64Array.from(rows, ({ value }) => (typeof value === 'number' ? value : 0)),
      series: Uint32Array.from(rows, ({ series }) => series),
      kind: Uint8Array.from(rows, ({ kind }) => kind),
    })
    const texts = rows.flatMap(({ kind, value }) => (kind >= kinds.text ? [value] : []))
    const seqs = new Uint8Array(Float64Array.from(rows, (row) => row.seq).buffer)
    insert.run(seq, texts.length > 0 ? JSON.stringify(texts) : null, seqs, body)
  }
  hot.exec('COMMIT')
  db.exec(`BEGIN IMMEDIATE;
    UPDATE meta SET seq_floor = max(seq_floor, ${last}),
      dropped = dropped + (SELECT count(*) FROM moving WHERE series NOT IN (SELECT id FROM series)),
      last_series = max(ifnull((SELECT max(id) FROM series), 0), ifnull((SELECT max(series) FROM doomed), 0));
    DROP TABLE moving;
    COMMIT`)
}
