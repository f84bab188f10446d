import type { DatabaseSync } from 'node:sqlite'
import { fillFrames, framePoints } from '@patchbay/core/telemetry/codec/frame'
import { readFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { joinPoints, type PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import { createBackgroundTransaction } from './background-transaction.ts'
import { FIRST_FINAL, type ChunkWriter } from './chunk-writer.ts'
import { StoreCorrupt } from './errors.ts'
import { toFailure } from './failure.ts'
import { dayOf } from './tiers.ts'

/** Late chunks of a device that are worth looking at. */
const WORTH = 8
/** Chunks that are joined at once, and the points that they may have together. */
const CHUNKS_AT_ONCE = 32
const POINTS_AT_ONCE = 16_384

export interface Compaction {
  /** A small chunk of late points was written. */
  late(owner: number): void
  /** Joins some of them; answers whether there is more. */
  step(): boolean
}

interface Small {
  id: number
  day: number
  points: number
}

/**
 * Joins small chunks of late points, those of a day with each other: a device that sends late for a long time would have one for each time it was
 * sealed. How many there are is known from what was written since the start.
 */
export function createCompaction(db: DatabaseSync, writer: ChunkWriter, maxRecords: number): Compaction {
  const transaction = createBackgroundTransaction(db)
  const small = db.prepare(
    'SELECT id, from_at, points FROM chunk WHERE owner = ? AND id >= ? AND records < ? ORDER BY from_at',
  )
  const body = db.prepare('SELECT body FROM chunk WHERE id = ?')
  const written = new Map<number, number>()
  const due = new Set<number>()

  /** The chunks of one day that have room for each other. */
  function group(owner: number): Small[] {
    const found = small.all(owner, FIRST_FINAL, maxRecords / 2).map(toSmall)
    for (const own of Map.groupBy(found, ({ day }) => day).values()) {
      let points = 0
      const some = own.slice(0, CHUNKS_AT_ONCE).filter((each) => (points += each.points) <= POINTS_AT_ONCE)
      if (some.length >= WORTH) return some
    }
    return []
  }

  function join(owner: number, chunks: readonly Small[]): void {
    let all: PointColumns | undefined
    for (const { id } of chunks) {
      const bytes = body.get(id)?.['body']
      if (!(bytes instanceof Uint8Array)) throw new StoreCorrupt('a chunk has no body')
      const points = framePoints(readFrame(bytes))
      all = all ? joinPoints(all, points) : points
    }
    if (!all) return
    const frames = fillFrames(all, maxRecords)
    transaction(() => {
      for (const { id } of chunks) writer.remove(id)
      for (const filled of frames) writer.insert(owner, filled)
    })
  }

  return {
    late(owner) {
      const count = (written.get(owner) ?? 0) + 1
      written.set(owner, count)
      if (count >= WORTH) due.add(owner)
    },
    step() {
      const owner = due.values().next().value
      if (owner === undefined) return false
      try {
        const chunks = group(owner)
        if (chunks.length > 0) {
          join(owner, chunks)
          return true
        }
        due.delete(owner)
        written.delete(owner)
        return due.size > 0
      } catch (error) {
        due.delete(owner)
        if (toFailure(error).sort === 'corrupt') throw error
        // The disk cannot take it now; the next late points bring it up again.
        return false
      }
    },
  }
}

function toSmall({ id, from_at: from, points }: Record<string, unknown>): Small {
  if (typeof id !== 'number' || typeof from !== 'number' || typeof points !== 'number') {
    throw new StoreCorrupt('a chunk has a wrong form')
  }
  return { id, day: dayOf(from), points }
}
