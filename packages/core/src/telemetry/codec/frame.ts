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

interface FrameRecord {
  at: number
  seq: number
  points: SealedPoint[]
}

/** Puts points of one device, no two with the same number, into frames of at most `maxRecords`. */
export function toFrames(points: SealedPoint[], maxRecords: number): Frame[] {
  const records = toRecords(points)
  const frames: Frame[] = []
  for (let from = 0; from < records.length; from += maxRecords) {
    frames.push(toFrame(records.slice(from, from + maxRecords)))
  }
  return frames
}

/** Points that were committed in a row at one time, until a series comes again. */
function toRecords(points: SealedPoint[]): FrameRecord[] {
  points.sort((a, b) => a.seq - b.seq)
  const records: FrameRecord[] = []
  let record: FrameRecord | undefined
  for (const point of points) {
    const { at, seq, series } = point
    const joins =
      record?.at === at && record.seq + record.points.length === seq && !record.points.some((p) => p.series === series)
    if (record && joins) record.points.push(point)
    else records.push((record = { at, seq, points: [point] }))
  }
  return records.sort((a, b) => a.at - b.at || a.seq - b.seq)
}

function toFrame(records: FrameRecord[]): Frame {
  const columns = new Map<number, Column & { values: { value: (number | string)[] } }>()
  for (const [row, { points }] of records.entries()) {
    for (const { series, kind, value } of points) {
      let column = columns.get(series)
      if (!column) {
        const present = new Uint8Array(records.length)
        column = { series, present, values: { kind: new Uint8Array(records.length), value: [] } }
        columns.set(series, column)
      }
      column.present[row] = 1
      column.values.kind[column.values.value.length] = kind
      column.values.value.push(value)
    }
  }
  for (const { values } of columns.values()) values.kind = values.kind.subarray(0, values.value.length)
  return {
    at: Float64Array.from(records, ({ at }) => at),
    seq: Float64Array.from(records, ({ seq }) => seq),
    columns: [...columns.values()].toSorted((a, b) => a.series - b.series),
  }
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
