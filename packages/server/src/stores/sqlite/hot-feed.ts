import type { DatabaseSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'
import { HotIndex, type Slot } from './hot-index.ts'
import { readDefinitions, readList } from './hot-log.ts'
import { packRows, ROW_BYTES, viewRows } from './packed-rows.ts'
import type { LogCalls } from './telemetry-calls.ts'

/** Rows that are left in the log by themselves when what stood around them goes: some 200 KB of one commit. */
const MAX_KEPT_ROWS = 8_192

export interface HotFeed {
  readonly index: HotIndex
  /** The highest number that was seen. */
  lastSeq(): number
  /** Takes in all that was committed since. */
  catchUp(): void
  /** What the log may let go of, when that is `least` rows or more; those that are still hot among them are in it. */
  trimmable(least: number): LogCalls['trim']['ask'] | undefined
  trimmed(ask: LogCalls['trim']['ask']): void
}

/** Follows the hot log, from the file that the writing thread appends to, into memory. */
export function createHotFeed(db: DatabaseSync, hot: DatabaseSync, grown: (slot: Slot) => void): HotFeed {
  const page = hot.prepare('SELECT seq, definitions, texts, seqs, body FROM hot WHERE seq > ? ORDER BY seq')
  const deviceOf = db.prepare('SELECT device FROM series WHERE id = ?')
  const seriesOf = db.prepare('SELECT id FROM series WHERE device = ?')
  const sealedTo = db.prepare('SELECT sealed_to FROM owner WHERE device = ?')
  const define = db.prepare('INSERT OR IGNORE INTO series VALUES (?, ?, ?)')
  const defined = db.prepare('UPDATE meta SET defined_to = ?, last_series = max(last_series, ?)')
  const meta = db.prepare('SELECT seq_floor, defined_to FROM meta').get()
  let definedTo = Number(meta?.['defined_to'])
  let lastSeq = Number(meta?.['seq_floor'])
  const gone = new Set(
    db
      .prepare('SELECT seq FROM gone')
      .all()
      .map(({ seq }) => Number(seq)),
  )
  const forgetGone = db.prepare('DELETE FROM gone WHERE seq <= ?')
  let seen = 0
  /** Rows of the log that are in the file: last number and length of each. */
  const blocks: { seq: number; rows: number }[] = []
  let fileRows = 0

  const index = new HotIndex((series) => {
    const device = deviceOf.get(series)?.['device']
    if (typeof device !== 'string') return undefined
    const ids = seriesOf.all(device).map(({ id }) => Number(id))
    return { device, series: ids, sealedTo: Number(sealedTo.get(device)?.['sealed_to'] ?? 0) }
  })

  function defineAll(seq: number, text: unknown): void {
    if (text === null || seq <= definedTo) return
    const definitions = readDefinitions(text)
    let last = 0
    db.exec('BEGIN IMMEDIATE')
    try {
      for (const { id, device, key } of definitions) {
        define.run(id, device, key)
        last = Math.max(last, id)
      }
      defined.run(seq, last)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
    definedTo = seq
    for (const { id, device } of definitions) index.define(device, id)
  }

  function take(row: Record<string, unknown>): void {
    const { seq, definitions, texts, seqs, body } = row
    if (typeof seq !== 'number' || !(body instanceof Uint8Array))
      throw new StoreCorrupt('a row of the hot log has a wrong form')
    defineAll(seq, definitions)
    const rows = viewRows(body)
    const numbers = seqs instanceof Uint8Array ? toSeqs(seqs) : following(seq, rows.length)
    // Rows without a series are of nobody.
    if (gone.size > 0) for (let i = 0; i < rows.length; i++) if (gone.has(numbers[i] ?? 0)) rows.series[i] = 0
    index.add(rows, numbers, readTexts(texts), Date.now(), grown)
    blocks.push({ seq, rows: rows.length })
    fileRows += rows.length
    seen = seq
    lastSeq = Math.max(lastSeq, seq)
  }

  return {
    index,
    lastSeq: () => lastSeq,
    catchUp() {
      for (const row of page.iterate(seen)) take(row)
    },
    trimmable(least) {
      const sealed = blocksBefore(index.nthSeq(0))
      if (sealed.rows > 0 && sealed.rows >= least) return { to: sealed.to, kept: undefined }
      // A few rows of slow devices do not keep what stands around them: they are written anew when that frees far more.
      if (fileRows < 2 * index.total + 4 * least) return undefined
      const before = blocksBefore(index.nthSeq(MAX_KEPT_ROWS))
      const kept = index.upTo(before.to)
      if (kept.length === 0 || before.rows < Math.max(least, 2 * kept.length)) return undefined
      const { text, seq } = kept
      return { to: before.to, kept: { body: packRows(kept), text: [...text], seqs: new Uint8Array(seq.buffer) } }
    },
    trimmed({ to, kept }) {
      let left = 0
      while ((blocks[left]?.seq ?? Infinity) <= to) fileRows -= blocks[left++]?.rows ?? 0
      const rows = kept ? kept.body.length / ROW_BYTES : 0
      blocks.splice(0, left, ...(kept ? [{ seq: to, rows }] : []))
      fileRows += rows
      forgetGone.run(to)
      for (const seq of gone) if (seq <= to) gone.delete(seq)
    },
  }

  /** The rows of the log before the one that holds this number. */
  function blocksBefore(end: number): { to: number; rows: number } {
    const before = { to: 0, rows: 0 }
    for (const { seq, rows } of blocks) {
      if (seq >= end) break
      before.to = seq
      before.rows += rows
    }
    return before
  }
}

function following(last: number, length: number): Float64Array {
  const seqs = new Float64Array(length)
  for (let i = 0; i < length; i++) seqs[i] = last - length + 1 + i
  return seqs
}

function toSeqs(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}

function readTexts(value: unknown): string[] {
  return readList(value).map(String)
}
