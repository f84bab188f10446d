import type { DatabaseSync } from 'node:sqlite'
import { createBackgroundTransaction } from './background-transaction.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import { toFailure } from './failure.ts'
import type { HotFeed } from './hot-feed.ts'
import type { Slot } from './hot-index.ts'
import { MAX_POINTS, type SealQueue } from './seal-queue.ts'

/** Time of one transaction that seals: a read may have to wait for it. */
const STEP_MS = 5

export interface Sealing {
  /** Seals a little in a transaction of its own; answers whether there is more. */
  step(): boolean
}

/**
 * Moves points from the hot log into chunks, device by device in the order of their numbers: the number up to which a device is
 * sealed says which of its points in the log are sealed already, whenever the log lets go of them.
 */
export function createSealing(db: DatabaseSync, feed: HotFeed, queue: SealQueue, chunks: ChunkWriter): Sealing {
  const transaction = createBackgroundTransaction(db)
  const { index } = feed

  /** Writes the device's oldest points; they leave the memory once that is committed. Answers how many they are. */
  function sealSome(slot: Slot): number {
    const points = index.oldestOf(slot, MAX_POINTS)
    chunks.write(slot.device, points, points.seq[points.length - 1] ?? 0)
    return points.length
  }

  return {
    step() {
      let due = queue.next(index)
      if (!due) return false
      const sealed: { slot: Slot; taken: number }[] = []
      try {
        const end = performance.now() + STEP_MS
        const seen = new Set<Slot>()
        transaction(() => {
          // Each device once: what it has beyond is not known as sealed before the commit.
          for (; due && !seen.has(due); due = queue.next(index)) {
            seen.add(due)
            sealed.push({ slot: due, taken: sealSome(due) })
            queue.postpone(due)
            if (performance.now() > end) break
          }
        })
      } catch (error) {
        for (const { slot } of sealed) queue.retry(slot)
        if (toFailure(error).sort === 'corrupt') throw error
        // The disk cannot take it now (moving needs space too); it is tried again later.
        return false
      }
      for (const { slot, taken } of sealed) {
        index.remove(slot, taken)
        queue.grown(slot)
      }
      return queue.next(index) !== undefined
    },
  }
}
