import type { FilledFrame } from '@patchbay/core/telemetry/codec/frame'
import { openFrame, writeFrame, type FrameBytes } from '@patchbay/core/telemetry/codec/frame-bytes'
import { readSummaries, summarise, writeSummaries, type Summary } from '@patchbay/core/telemetry/codec/summary'
import type { TimedRow } from './hot-rows.ts'
import type { ChunkDocument } from './telemetry-documents.ts'

const SEQ_DIGITS = 16

/** What a chunk is besides its points. */
export interface ChunkHead extends Omit<ChunkDocument, 'head' | 'body'> {
  summaries: Map<number, Summary>
}

export function toChunk(
  { device, writer, t }: { device: string; writer: string; t: number },
  { frame, points, seqFrom, seqTo }: FilledFrame,
  id = `${device}/${writer}/${String(seqFrom).padStart(SEQ_DIGITS, '0')}`,
): ChunkDocument {
  return {
    _id: id,
    d: device,
    w: writer,
    s: seqFrom,
    e: seqTo,
    t,
    from: frame.at[0] ?? 0,
    to: frame.at.at(-1) ?? 0,
    records: frame.at.length,
    points,
    head: writeSummaries(summarise(frame)),
    body: writeFrame(frame),
  }
}

export function toHead({ head, ...document }: Omit<ChunkDocument, 'body'>): ChunkHead {
  return { ...document, summaries: new Map(readSummaries(head).map((summary) => [summary.series, summary])) }
}

/** Opened bodies of the chunks that one read looks at. */
export type Bodies = ReadonlyMap<string, FrameBytes>

export function openBodies(documents: readonly Pick<ChunkDocument, '_id' | 'body'>[]): Map<string, FrameBytes> {
  return new Map(documents.map(({ _id, body }) => [_id, openFrame(body)]))
}

/** A chunk's points of a series in [from, to), ascending by time and number. */
export function rowsIn(frame: FrameBytes, series: number, from: number, to: number, t: number): TimedRow[] {
  const { at, seq, column } = frame
  const found = column(series)
  const rows: TimedRow[] = []
  if (!found) return rows
  const { present, values } = found
  let place = 0
  for (let row = 0; row < at.length; row++) {
    if (!present[row]) continue
    const time = at[row] ?? 0
    if (time >= to) break
    if (time >= from) {
      rows.push({ seq: seq[row] ?? 0, at: time, kind: values.kind[place] ?? 0, value: values.value[place] ?? 0, t })
    }
    place += 1
  }
  return rows
}
