import type { DatabaseSync } from 'node:sqlite'
import { StoreCorrupt } from './errors.ts'
import { createBackgroundTransaction } from './background-transaction.ts'
import type { HotFeed } from './hot-feed.ts'

/** Series forgotten in one transaction: few enough that no read waits long behind it. */
const SERIES = 200
/** Chunks deleted in one transaction. */
const CHUNKS = 100

export interface Purge {
  /** Takes the device's series out of sight, in the open transaction. */
  doom(device: string): void
  /** Deletes some points of doomed series in a transaction of its own; answers whether there are more. */
  step(): boolean
}

/** Deletes the points of deleted devices little by little; a crash in between goes on at the next start. */
export function createPurge(db: DatabaseSync, feed: HotFeed): Purge {
  const doom = db.prepare('INSERT OR IGNORE INTO doomed SELECT id FROM series WHERE device = ?')
  const hide = db.prepare('DELETE FROM series WHERE device = ?')
  const next = db.prepare('SELECT series FROM doomed LIMIT 1')
  const finish = db.prepare('DELETE FROM doomed WHERE series = ?')
  const leave = db.prepare('INSERT OR IGNORE INTO leaving SELECT id FROM owner WHERE device = ?')
  const disown = db.prepare('DELETE FROM owner WHERE device = ?')
  const forgetNewest = db.prepare('DELETE FROM newest WHERE series = ?')
  const forgetRollups = db.prepare('DELETE FROM rollup WHERE series = ?')
  const forgetFrom = db.prepare('DELETE FROM series_from WHERE series = ?')
  const unchange = db.prepare('DELETE FROM changed WHERE owner = ?')
  const nextOwner = db.prepare('SELECT owner FROM leaving LIMIT 1')
  const chunks = db.prepare('SELECT id, points FROM chunk WHERE owner = ? LIMIT ?')
  const removeChunk = db.prepare('DELETE FROM chunk WHERE id = ?')
  const finishOwner = db.prepare('DELETE FROM leaving WHERE owner = ?')
  const count = db.prepare('UPDATE meta SET dropped = dropped + ?, seq_floor = max(seq_floor, ?)')
  const transaction = createBackgroundTransaction(db)
  // Cleared only by looking, so that a rolled back or failed step is taken up again.
  let idle = false

  function removeSome(): void {
    let left = SERIES
    let gone = 0
    while (left > 0) {
      const series = next.get()?.['series']
      if (typeof series !== 'number') {
        gone += removeChunks()
        break
      }
      forgetNewest.run(series)
      forgetRollups.run(series)
      forgetFrom.run(series)
      finish.run(series)
      left -= 1
    }
    if (gone > 0) count.run(gone, feed.lastSeq())
  }

  /** Answers how many points went; after the last chunk of the last device all is done. */
  function removeChunks(): number {
    const owner = nextOwner.get()?.['owner']
    if (typeof owner !== 'number') {
      idle = true
      return 0
    }
    let gone = 0
    const found = chunks.all(owner, CHUNKS)
    for (const { id, points } of found) {
      if (typeof id !== 'number' || typeof points !== 'number') throw new StoreCorrupt('a chunk has a wrong form')
      removeChunk.run(id)
      gone += points
    }
    if (found.length < CHUNKS) {
      unchange.run(owner)
      finishOwner.run(owner)
    }
    return gone
  }

  return {
    doom(device) {
      doom.run(device)
      leave.run(device)
      disown.run(device)
      hide.run(device)
      const hot = feed.index.slotOf(device)?.count ?? 0
      if (hot > 0) count.run(hot, feed.lastSeq())
      idle = false
    },
    step() {
      if (idle) return false
      try {
        transaction(removeSome)
        return !idle
      } catch {
        // The disk cannot take it now (deleting needs space too); it is tried again later.
        idle = false
        return false
      }
    },
  }
}
