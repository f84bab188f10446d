import { kinds } from '../port.ts'
import { makePoints, type PointColumns } from './point-columns.ts'
import type { Values } from './values.ts'

/** A point on its way into a frame. A boolean is 0 or 1; JSON is JSON text. */
export interface SealedPoint {
  seq: number
  series: number
  at: number
  kind: number
  value: number | string
}

/** Records of one device as columns, ascending by time and then by sequence number. Points that replace others stand behind them. */
export interface Frame {
  at: Float64Array
  /** Number of the record's first point; its others count on in the order of the columns. */
  seq: Float64Array
  columns: Column[]
}

export interface Column {
  series: number
  /** For each record 1 when it has a value of this series. */
  present: Uint8Array
  /** The values that are present. */
  values: Values
}

/** A frame and what its chunk is found by. */
export interface FilledFrame {
  frame: Frame
  points: number
  seqFrom: number
  seqTo: number
}

/** Puts points of one device, no two with the same number, into frames of at most `maxRecords`. */
export function toFrames(points: readonly SealedPoint[], maxRecords: number): Frame[] {
  const sorted = points.toSorted((a, b) => a.seq - b.seq)
  return fillFrames(toColumns(sorted), maxRecords).map(({ frame }) => frame)
}

/** The same for columns, which must be in the order of their numbers. */
export function fillFrames(points: PointColumns, maxRecords: number): FilledFrame[] {
  const { starts, ends, order } = toRecords(points)
  const frames: FilledFrame[] = []
  for (let from = 0; from < order.length; from += maxRecords) {
    frames.push(fillFrame(points, starts, ends, order.subarray(from, from + maxRecords)))
  }
  return frames
}

/** Where the records begin and end, and their order by time: points that were committed in a row at one time, until a series comes again. */
function toRecords({ length, seq, series, at }: PointColumns): {
  starts: Int32Array
  ends: Int32Array
  order: Int32Array
} {
  const starts = new Int32Array(length)
  const ends = new Int32Array(length)
  let records = 0
  let start = 0
  for (let i = 0; i < length; i++) {
    let joins = i > start && at[i] === at[start] && seq[i] === (seq[i - 1] ?? 0) + 1
    for (let before = start; joins && before < i; before++) if (series[before] === series[i]) joins = false
    if (joins) continue
    if (i > start) ends[records - 1] = i
    starts[records++] = start = i
  }
  if (records > 0) ends[records - 1] = length
  const order = Int32Array.from({ length: records }, (_, i) => i)
  const timeOf = (record: number) => at[starts[record] ?? 0] ?? 0
  let ascends = true
  for (let i = 1; i < records && ascends; i++) ascends = timeOf(i - 1) <= timeOf(i)
  if (!ascends) order.sort((a, b) => timeOf(a) - timeOf(b) || a - b)
  return { starts, ends, order }
}

interface Filling {
  series: number
  present: Uint8Array
  kind: Uint8Array
  number: Float64Array
  text: (number | string)[] | undefined
  count: number
}

function fillFrame(points: PointColumns, starts: Int32Array, ends: Int32Array, records: Int32Array): FilledFrame {
  const rows = records.length
  const at = new Float64Array(rows)
  const seq = new Float64Array(rows)
  const columns = new Map<number, Filling>()
  let seqFrom = Infinity
  let seqTo = 0
  let count = 0
  for (let row = 0; row < rows; row++) {
    const record = records[row] ?? 0
    const start = starts[record] ?? 0
    const end = ends[record] ?? 0
    at[row] = points.at[start] ?? 0
    const first = points.seq[start] ?? 0
    seq[row] = first
    seqFrom = Math.min(seqFrom, first)
    seqTo = Math.max(seqTo, first + end - start - 1)
    count += end - start
    for (let i = start; i < end; i++) {
      const series = points.series[i] ?? 0
      let column = columns.get(series)
      if (!column) {
        column = {
          series,
          present: new Uint8Array(rows),
          kind: new Uint8Array(rows),
          number: new Float64Array(rows),
          text: undefined,
          count: 0,
        }
        columns.set(series, column)
      }
      column.present[row] = 1
      addValue(column, points.kind[i] ?? 0, points.number[i] ?? 0, points.text)
    }
  }
  const filled = [...columns.values()].toSorted((a, b) => a.series - b.series)
  return { frame: { at, seq, columns: filled.map(toColumn) }, points: count, seqFrom, seqTo }
}

function addValue(column: Filling, kind: number, number: number, texts: readonly string[]): void {
  const place = column.count++
  column.kind[place] = kind
  if (kind >= kinds.text) column.text ??= Array.from(column.number.subarray(0, place))
  if (column.text) column.text.push(kind >= kinds.text ? (texts[number] ?? '') : number)
  else column.number[place] = number
}

function toColumn({ series, present, kind, number, text, count }: Filling): Column {
  return { series, present, values: { kind: kind.subarray(0, count), value: text ?? number.subarray(0, count) } }
}

function toColumns(points: readonly SealedPoint[]): PointColumns {
  const text: string[] = []
  const toNumber = ({ value }: SealedPoint) => (typeof value === 'number' ? value : text.push(value) - 1)
  return {
    length: points.length,
    seq: Float64Array.from(points, ({ seq }) => seq),
    series: Uint32Array.from(points, ({ series }) => series),
    at: Float64Array.from(points, ({ at }) => at),
    kind: Uint8Array.from(points, ({ kind }) => kind),
    number: Float64Array.from(points, toNumber),
    text,
  }
}

/** The points of a frame as columns, record by record. */
export function framePoints(frame: Frame): PointColumns {
  const length = countPoints(frame)
  const { at, seq, columns } = frame
  const text: string[] = []
  const points = makePoints(length, text)
  const places = new Int32Array(columns.length)
  let i = 0
  for (let row = 0; row < at.length; row++) {
    let next = seq[row] ?? 0
    for (const [nth, { series, present, values }] of columns.entries()) {
      if (!present[row]) continue
      const place = places[nth] ?? 0
      places[nth] = place + 1
      const value = values.value[place] ?? 0
      points.seq[i] = next++
      points.series[i] = series
      points.at[i] = at[row] ?? 0
      points.kind[i] = values.kind[place] ?? 0
      points.number[i] = typeof value === 'number' ? value : text.push(value) - 1
      i += 1
    }
  }
  return points
}

/** The points of a frame, each with a number of its record. */
export function toPoints({ at, seq, columns }: Frame): SealedPoint[] {
  const points: SealedPoint[] = []
  const next = seq.slice()
  for (const { series, present, values } of columns) {
    let place = 0
    for (let row = 0; row < at.length; row++) {
      if (!present[row]) continue
      const own = next[row] ?? 0
      next[row] = own + 1
      const value = values.value[place] ?? 0
      points.push({ seq: own, series, at: at[row] ?? 0, kind: values.kind[place] ?? 0, value })
      place += 1
    }
  }
  return points
}

export function countPoints({ columns }: Frame): number {
  return columns.reduce((sum, { values }) => sum + values.value.length, 0)
}
