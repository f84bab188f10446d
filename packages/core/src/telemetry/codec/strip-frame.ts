import type { FilledFrame, Frame } from './frame.ts'

/**
 * The frame without some of its columns, and how many points went. The points that stay count on from their record's first number, so
 * they keep their order and no number is that of another record.
 */
export function stripFrame(frame: Frame, goes: (series: number) => boolean): FilledFrame & { dropped: number } {
  const columns = frame.columns.filter(({ series }) => !goes(series))
  const rows = Int32Array.from(frame.at.keys()).filter((row) => columns.some(({ present }) => present[row]))
  const at = Float64Array.from(rows, (row) => frame.at[row] ?? 0)
  const seq = Float64Array.from(rows, (row) => frame.seq[row] ?? 0)
  let points = 0
  let seqFrom = Infinity
  let seqTo = 0
  for (const [i, row] of rows.entries()) {
    const own = columns.reduce((sum, { present }) => sum + (present[row] ?? 0), 0)
    points += own
    seqFrom = Math.min(seqFrom, seq[i] ?? 0)
    seqTo = Math.max(seqTo, (seq[i] ?? 0) + own - 1)
  }
  const all = frame.columns.reduce((sum, { values }) => sum + values.value.length, 0)
  const kept = columns.map(({ series, present, values }) => ({
    series,
    present: Uint8Array.from(rows, (row) => present[row] ?? 0),
    values,
  }))
  return { frame: { at, seq, columns: kept }, points, seqFrom, seqTo, dropped: all - points }
}
