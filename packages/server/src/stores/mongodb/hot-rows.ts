import { makePoints, type PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import { kinds, type Batch } from '@patchbay/core/telemetry/port'
import { StoreMisused } from '../sqlite/errors.ts'
import type { HotRow } from '../sqlite/hot-rows.ts'
import { hotPlace, type HotDocument } from './telemetry-documents.ts'

/** A point with when it was committed, which orders points of one time that several writers have stored. */
export interface TimedRow extends HotRow {
  t: number
}

/** Text of one document; MongoDB takes 16 MB. */
const MAX_TEXT = 4 * 1024 * 1024
const PLACE_DIGITS = 6

interface Filling {
  document: HotDocument
  at: number[]
  kind: number[]
  seq: number[]
  text: number
}

/** The documents of one commit group: batches one after the other, numbered from `first`. */
export function toHotDocuments(
  batches: readonly Batch[],
  { writer, first, nowMs }: { writer: string; first: number; nowMs: number },
  deviceOf: (series: number) => string | undefined,
  /** Ids under which series are stored, where these are not their own. */
  known?: ReadonlyMap<number, number>,
): HotDocument[] {
  const filled: Filling[] = []
  const open = new Map<string, Filling>()
  const place = hotPlace(writer, first)
  let next = first
  for (const { length, series, at, kind, number, text } of batches) {
    let texts = 0
    for (let i = 0; i < length; i++) {
      const id = series[i] ?? 0
      const device = deviceOf(id)
      if (device === undefined) throw new StoreMisused(`no open device has the series ${id}`)
      const sort = kind[i] ?? 0
      const value = sort >= kinds.text ? (text[texts++] ?? '') : (number[i] ?? 0)
      let into = open.get(device)
      if (!into || into.text > MAX_TEXT) {
        const _id = `${place}${String(filled.length).padStart(PLACE_DIGITS, '0')}`
        const document: HotDocument = { _id, d: device, w: writer, s: next, e: next, t: nowMs, n: [], at: 0, v: [] }
        into = { document, at: [], kind: [], seq: [], text: 0 }
        open.set(device, into)
        filled.push(into)
      }
      if (typeof value === 'string') into.text += value.length
      into.document.e = next
      into.document.n.push(known === undefined ? id : (known.get(id) ?? id))
      into.document.v.push(value)
      into.at.push(at[i] ?? 0)
      into.kind.push(sort)
      into.seq.push(next)
      next += 1
    }
  }
  return filled.map(toDocument)
}

function toDocument({ document, at, kind, seq }: Filling): HotDocument {
  const [one = 0] = at
  return {
    ...document,
    at: at.every((each) => each === one) ? one : at,
    ...(kind.every((sort) => sort === kinds.number) ? {} : { kind }),
    ...(document.e - document.s + 1 === seq.length ? {} : { seq }),
  }
}

/** The document's points, by their series, in the order of their numbers. */
export function* rowsOf({ n, at, kind, v, seq, s, t }: HotDocument): Generator<TimedRow & { series: number }> {
  for (const [i, series] of n.entries()) {
    const time = typeof at === 'number' ? at : (at[i] ?? 0)
    yield { series, seq: seq ? (seq[i] ?? 0) : s + i, at: time, kind: kind?.[i] ?? 0, value: v[i] ?? 0, t }
  }
}

/** What is left of a document without the points that go; undefined when nothing is. */
export function keepRows(
  document: HotDocument,
  stays: (row: TimedRow & { series: number }) => boolean,
): HotDocument | undefined {
  const rows = [...rowsOf(document)].filter(stays)
  const [first] = rows
  const last = rows.at(-1)
  if (!first || !last) return undefined
  const { _id, d, w, t } = document
  return toDocument({
    document: {
      _id,
      d,
      w,
      t,
      s: first.seq,
      e: last.seq,
      n: rows.map(({ series }) => series),
      at: 0,
      v: rows.map(({ value }) => value),
    },
    at: rows.map(({ at }) => at),
    kind: rows.map(({ kind }) => kind),
    seq: rows.map(({ seq }) => seq),
    text: 0,
  })
}

/** Points of documents of one writer, in the order of their numbers, without those up to `after`. */
export function toColumns(documents: readonly HotDocument[], after: number): PointColumns {
  const rows = documents.flatMap((document) => [...rowsOf(document)]).filter(({ seq }) => seq > after)
  rows.sort((a, b) => a.seq - b.seq)
  const text: string[] = []
  const points = makePoints(rows.length, text)
  for (const [i, { seq, series, at, kind, value }] of rows.entries()) {
    points.seq[i] = seq
    points.series[i] = series
    points.at[i] = at
    points.kind[i] = kind
    points.number[i] = typeof value === 'number' ? value : text.push(value) - 1
  }
  return points
}

/** Of two points of one time the later committed stands behind. */
export function inTime(a: TimedRow, b: TimedRow): number {
  return a.at - b.at || a.t - b.t || a.seq - b.seq
}
