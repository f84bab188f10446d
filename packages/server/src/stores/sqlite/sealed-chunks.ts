import type { DatabaseSync } from 'node:sqlite'
import { openFrame, type FrameBytes } from '@patchbay/core/telemetry/codec/frame-bytes'
import { readSummaries, type Summary } from '@patchbay/core/telemetry/codec/summary'
import { StoreCorrupt } from './errors.ts'
import { asArrays, type HotRow } from './hot-rows.ts'

/** Records of opened chunks that are kept for the next turn or read. */
const MAX_KEPT_RECORDS = 100_000
/** Chunks whose summaries are kept. */
const MAX_KEPT_HEADS = 4_000

export interface ChunkPlace {
  id: number
  from: number
  to: number
}

export interface SealedChunks {
  ownerOf(device: string): number | undefined
  /** The owner's chunks that have points in [from, to), by their beginning. */
  places(owner: number, from: number, to: number): ChunkPlace[]
  /** Chunks that hold numbers in (after, to]. */
  bySeq(after: number, to: number): number[]
  /** The least number above `seq` that a chunk may hold. */
  seqAfter(seq: number): number | undefined
  summary(id: number, series: number): Summary | undefined
  frame(id: number): FrameBytes
  /** The chunk's points of the series in [from, to), ascending by time and number. */
  rows(id: number, series: number, from: number, to: number): HotRow[]
}

export function createSealedChunks(db: DatabaseSync, keptRecords = MAX_KEPT_RECORDS): SealedChunks {
  const owner = db.prepare('SELECT id FROM owner WHERE device = ?')
  const places = asArrays(
    db.prepare('SELECT id, from_at, to_at FROM chunk WHERE owner = ? AND to_at >= ? AND from_at < ?'),
  )
  const bySeq = db.prepare('SELECT id FROM chunk WHERE seq_to > ? AND seq_from <= ?')
  const seqAfter = db.prepare('SELECT min(max(seq_from, ?)) AS n FROM chunk WHERE seq_to > ?')
  const head = db.prepare('SELECT head FROM chunk WHERE id = ?')
  const body = db.prepare('SELECT body FROM chunk WHERE id = ?')
  const heads = new Map<number, Map<number, Summary>>()
  const frames = new Map<number, FrameBytes>()
  let kept = 0

  function blob(row: Record<string, unknown> | undefined, name: string): Uint8Array {
    const bytes = row?.[name]
    if (bytes instanceof Uint8Array) return bytes
    throw new StoreCorrupt(`a chunk has no ${name}`)
  }

  /** Opened chunks, the longest unused first. */
  function frame(id: number): FrameBytes {
    const known = frames.get(id)
    if (known) {
      frames.delete(id)
      frames.set(id, known)
      return known
    }
    const opened = openFrame(blob(body.get(id), 'body'))
    frames.set(id, opened)
    kept += weightOf(opened)
    for (const [old, other] of frames) {
      if (kept <= keptRecords || old === id) break
      frames.delete(old)
      kept -= weightOf(other)
    }
    return opened
  }

  return {
    ownerOf(device) {
      const id = owner.get(device)?.['id']
      return typeof id === 'number' ? id : undefined
    },
    places(of, from, to) {
      return places
        .all(of, from, to)
        .map(toPlace)
        .toSorted((a, b) => a.from - b.from)
    },
    bySeq: (after, to) => bySeq.all(after, to).map(({ id }) => (typeof id === 'number' ? id : 0)),
    seqAfter(seq) {
      const n = seqAfter.get(seq + 1, seq)?.['n']
      return typeof n === 'number' ? n : undefined
    },
    summary(id, series) {
      let all = heads.get(id)
      if (!all) {
        if (heads.size >= MAX_KEPT_HEADS) heads.clear()
        all = new Map(readSummaries(blob(head.get(id), 'head')).map((summary) => [summary.series, summary]))
        heads.set(id, all)
      }
      return all.get(series)
    },
    frame,
    rows(id, series, from, to) {
      const { at, seq, column } = frame(id)
      const found = column(series)
      const rows: HotRow[] = []
      if (!found) return rows
      const { present, values } = found
      let place = 0
      for (let row = 0; row < at.length; row++) {
        if (!present[row]) continue
        const time = at[row] ?? 0
        if (time >= to) break
        if (time >= from) {
          rows.push({ seq: seq[row] ?? 0, at: time, kind: values.kind[place] ?? 0, value: values.value[place] ?? 0 })
        }
        place += 1
      }
      return rows
    },
  }
}

function weightOf({ at, series }: FrameBytes): number {
  return at.length * (series.length + 1)
}

function toPlace(row: unknown): ChunkPlace {
  if (Array.isArray(row)) {
    const [id, from, to]: unknown[] = row
    if (typeof id === 'number' && typeof from === 'number' && typeof to === 'number') return { id, from, to }
  }
  throw new StoreCorrupt('a chunk has a wrong form')
}
