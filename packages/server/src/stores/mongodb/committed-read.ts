import { framePoints } from '@patchbay/core/telemetry/codec/frame'
import { readFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { kinds, type CommitCursor, type CommittedRecord, type ReadOptions } from '@patchbay/core/telemetry/port'
import { Gathered, type Name } from '../sqlite/committed-read.ts'
import type { HotRow } from '../sqlite/hot-rows.ts'
import { toRecords } from '../sqlite/telemetry-answers.ts'
import { rowsOf } from './hot-rows.ts'
import { checkCaller } from './telemetry-reads.ts'
import { groupOf, hotPlace, type ChunkDocument, type TelemetryCollections } from './telemetry-documents.ts'

/** Numbers that are looked at together; chunks of many devices share them. */
const WINDOW_SEQS = 20_000
/** A window without points is followed by a longer one: numbers of what is gone are jumped over. */
const WINDOW_GROWTH = 8
/** Devices whose names of series are kept. */
const MAX_DEVICES = 20_000
/** Followers that read the same part each go on from where they are. */
const MAX_KEPT_WINDOWS = 4

interface LogRow extends HotRow {
  device: string
  series: number
}

interface LogWindow {
  writer: string
  from: number
  to: number
  rows: LogRow[]
}

export interface CommittedRead {
  read(
    cursor: CommitCursor,
    limit: number,
    ends: CommitCursor,
    options: ReadOptions,
  ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }>
  /** Points or series may be gone. */
  forget(): void
}

/** Follows the log of each writer in commit order, hot and sealed. */
export function createCommittedRead({ hot, chunks, devices }: TelemetryCollections): CommittedRead {
  const names = new Map<string, Map<number, Name>>()
  let windows: LogWindow[] = []

  /** Hot documents first: what is sealed meanwhile is in its chunk before it leaves them. */
  async function load(writer: string, from: number, to: number): Promise<LogRow[]> {
    const [before] = await hot
      .find({ _id: { $gte: `${writer}/`, $lt: hotPlace(writer, from + 2) } })
      .sort({ _id: -1 })
      .limit(1)
      .project({ _id: 1 })
      .toArray()
    const group = before ? groupOf(String(before['_id'])) : from + 1
    const rows = new Map<number, LogRow>()
    const documents = await hot
      .find({ _id: { $gte: hotPlace(writer, group), $lt: hotPlace(writer, to + 1) } })
      .toArray()
    for (const document of documents) {
      for (const { seq, series, at, kind, value } of rowsOf(document)) {
        if (seq > from && seq <= to) rows.set(seq, { seq, series, at, kind, value, device: document.d })
      }
    }
    const sealed = chunks
      .find({ w: writer, e: { $gt: from }, s: { $lte: to } })
      .project<Pick<ChunkDocument, 'd' | 'body'>>({ d: 1, body: 1 })
    for await (const { d, body } of sealed) {
      const { length, seq, series, at, kind, number, text } = framePoints(readFrame(body))
      for (let i = 0; i < length; i++) {
        const own = seq[i] ?? 0
        if (own <= from || own > to) continue
        const sort = kind[i] ?? 0
        const value = number[i] ?? 0
        const row = { seq: own, series: series[i] ?? 0, at: at[i] ?? 0, kind: sort, device: d }
        rows.set(own, { ...row, value: sort >= kinds.text ? (text[value] ?? '') : value })
      }
    }
    return [...rows.values()].sort((a, b) => a.seq - b.seq)
  }

  async function windowAt(writer: string, after: number, end: number, length: number): Promise<LogWindow> {
    const known = windows.find((each) => each.writer === writer && each.from <= after && after < each.to)
    if (known) return known
    const to = Math.min(end, after + length)
    const window = { writer, from: after, to, rows: await load(writer, after, to) }
    await learn(window.rows)
    windows = [window, ...windows].slice(0, MAX_KEPT_WINDOWS)
    return window
  }

  /** Has the names of the rows' series at hand. */
  async function learn(rows: readonly LogRow[]): Promise<void> {
    if (names.size > MAX_DEVICES) names.clear()
    const missing = new Set(
      rows.filter(({ device, series }) => !names.get(device)?.has(series)).map(({ device }) => device),
    )
    if (missing.size === 0) return
    const found = await devices.find({ _id: { $in: [...missing] }, leaving: { $exists: false } }).toArray()
    for (const { _id: device, series = [] } of found) {
      const known = names.get(device) ?? new Map<number, Name>()
      for (const { k, n } of series) if (!known.has(n)) known.set(n, { device, key: k })
      names.set(device, known)
    }
  }

  async function readWriter(writer: string, after: number, end: number, limit: number, { signal }: ReadOptions) {
    const gathered = new Gathered()
    let from = after
    for (let length = WINDOW_SEQS; from < end;) {
      const { to, rows } = await windowAt(writer, from, end, length)
      checkCaller(signal)
      for (const row of rows.slice(firstAfter(rows, from))) {
        const name = names.get(row.device)?.get(row.series)
        if (gathered.count >= limit && (!name || gathered.beginsRecord(name, row.at))) return gathered.answer()
        if (name) gathered.add(name, row)
        else gathered.skip(row.seq)
      }
      if (rows.length === 0) length *= WINDOW_GROWTH
      from = to
    }
    // A record is committed whole, so the end of the log is the end of a record.
    return gathered.answer(from)
  }

  return {
    forget() {
      names.clear()
      windows = []
    },
    async read(cursor, limit, ends, options) {
      checkCaller(options.signal)
      const records: CommittedRecord[] = []
      const next = { ...cursor }
      let left = limit
      for (const [writer, end] of Object.entries(ends)) {
        const after = Object.hasOwn(cursor, writer) ? (cursor[writer] ?? 0) : 0
        if (left <= 0 || after >= end) {
          next[writer] = after
          continue
        }
        const answer = await readWriter(writer, after, end, left, options)
        left -= answer.points.at.length
        for (const record of toRecords(writer, answer)) records.push(record)
        next[writer] = Math.max(after, answer.seen)
      }
      return { records, cursor: next }
    },
  }
}

function firstAfter(rows: readonly LogRow[], seq: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.seq ?? 0) <= seq) low = middle + 1
    else high = middle
  }
  return low
}
