import type { DatabaseSync } from 'node:sqlite'
import type { FrameBytes } from '@patchbay/core/telemetry/codec/frame-bytes'
import { StoreCorrupt } from './errors.ts'
import type { HotIndex } from './hot-index.ts'
import { PAUSE, type HotRow, type Steps } from './hot-rows.ts'
import { ROWS_PER_TURN } from './read-budget.ts'
import type { SealedChunks } from './sealed-chunks.ts'
import type { StoreCalls } from './telemetry-calls.ts'
import { emptyColumns, push } from './telemetry-reads.ts'

/** Names of series that are kept; the followers of the log see the same series again and again. */
const MAX_NAMES = 50_000

interface LogRow extends HotRow {
  series: number
}

export interface Name {
  device: string
  key: string
}

export interface CommittedRead {
  read(ask: StoreCalls['committed']['ask']): Steps<StoreCalls['committed']['answer']>
  /** Series may be gone. */
  forget(): void
}

/** Follows the log in commit order. */
export function createCommittedRead(db: DatabaseSync, index: HotIndex, chunks: SealedChunks): CommittedRead {
  const named = db.prepare('SELECT device, key FROM series WHERE id = ?')
  const names = new Map<number, Name>()

  /** Undefined for a series whose device was deleted. */
  function nameOf(series: number): Name | undefined {
    const known = names.get(series)
    if (known) return known
    const row = named.get(series)
    if (!row) return undefined
    const { device, key } = row
    if (typeof device !== 'string' || typeof key !== 'string') throw new StoreCorrupt('a series has no name')
    if (names.size >= MAX_NAMES) names.clear()
    const name = { device, key }
    names.set(series, name)
    return name
  }

  /** The points with numbers in (from, to] in commit order, hot and sealed. */
  function rowsIn(from: number, to: number): LogRow[] {
    const rows: LogRow[] = [...index.bySeq(from, to)]
    const sealed = chunks.bySeq(from, to)
    if (sealed.length === 0) return rows
    for (const id of sealed) pushRows(rows, chunks.frame(id), from, to)
    return rows.toSorted((a, b) => a.seq - b.seq)
  }

  function nextAfter(seq: number): number | undefined {
    const hot = index.nextSeq(seq)
    const sealed = chunks.seqAfter(seq)
    if (hot === undefined) return sealed
    return sealed === undefined ? hot : Math.min(hot, sealed)
  }

  return {
    forget: () => names.clear(),

    *read({ after, limit }) {
      const gathered = new Gathered()
      let from = after
      for (;;) {
        const window = Math.min(limit + 1, ROWS_PER_TURN)
        const rows = rowsIn(from, from + window)
        for (const row of rows) {
          const name = nameOf(row.series)
          if (gathered.count >= limit && (!name || gathered.beginsRecord(name, row.at))) return gathered.answer()
          from = row.seq
          if (name) gathered.add(name, row)
          else gathered.skip(row.seq)
        }
        if (rows.length === 0) {
          // Numbers of points that are gone are jumped over.
          const next = nextAfter(from)
          // A record is committed whole, so the end of the log is the end of a record.
          if (next === undefined) return gathered.answer(from)
          from = next - 1
        }
        yield PAUSE
      }
    },
  }
}

/** The points of a chunk with numbers in (from, to]: those of a record count on in the order of the columns. */
function pushRows(rows: LogRow[], { at, seq, series, column }: FrameBytes, from: number, to: number): void {
  const columns = series.flatMap((each) => column(each) ?? [])
  const places = columns.map(() => 0)
  for (let row = 0; row < at.length; row++) {
    let own = (seq[row] ?? 0) - 1
    const inside = own < to
    for (const [i, { series: id, present, values }] of columns.entries()) {
      if (!present[row]) continue
      own += 1
      const place = places[i] ?? 0
      places[i] = place + 1
      if (!inside || own <= from || own > to) continue
      rows.push({
        seq: own,
        series: id,
        at: at[row] ?? 0,
        kind: values.kind[place] ?? 0,
        value: values.value[place] ?? 0,
      })
    }
  }
}

/** Rows in commit order, cut into records: neighbours with the same device and time, until a key comes again. */
export class Gathered {
  readonly #devices: string[] = []
  readonly #keys: string[] = []
  readonly #points = emptyColumns()
  readonly #ends: number[] = []
  readonly #seqs: number[] = []
  readonly #index = new Map<Name, number>()
  readonly #inRecord = new Set<string>()
  #device: string | undefined
  #at = 0
  #lastSeq = 0

  get count(): number {
    return this.#points.at.length
  }

  beginsRecord(name: Name, at: number): boolean {
    return name.device !== this.#device || at !== this.#at || this.#inRecord.has(name.key)
  }

  add(name: Name, row: { seq: number; at: number; kind: number; value: number | string }): void {
    if (this.beginsRecord(name, row.at)) {
      this.#endRecord()
      this.#device = name.device
      this.#at = row.at
    }
    this.#inRecord.add(name.key)
    push(this.#points, this.#indexOf(name), row)
    this.#lastSeq = row.seq
  }

  /** A row of a deleted device: it ends the record before it. */
  skip(seq: number): void {
    this.#endRecord()
    this.#lastSeq = seq
  }

  answer(seen = this.#lastSeq): StoreCalls['committed']['answer'] {
    this.#endRecord()
    return {
      devices: this.#devices,
      keys: this.#keys,
      points: this.#points,
      ends: this.#ends,
      seqs: this.#seqs,
      seen: Math.max(seen, this.#lastSeq),
    }
  }

  #endRecord(): void {
    if (this.#device === undefined) return
    this.#ends.push(this.count)
    this.#seqs.push(this.#lastSeq)
    this.#device = undefined
    this.#inRecord.clear()
  }

  #indexOf(name: Name): number {
    const known = this.#index.get(name)
    if (known !== undefined) return known
    const index = this.#devices.push(name.device) - 1
    this.#keys.push(name.key)
    this.#index.set(name, index)
    return index
  }
}
