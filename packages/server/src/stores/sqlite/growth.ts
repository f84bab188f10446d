import type { DatabaseSync } from 'node:sqlite'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Samples beyond a day are of no use, but a store that rested keeps its last ones. */
const KEPT_HOURS = 49

export interface Growth {
  /** Notes where the log stands, once an hour; in a transaction of its own. */
  sample(seq: number, nowMs: number): void
  pointsPerDay(seq: number, nowMs: number): number
}

/** How many points come in a day, from the log's numbers of the last hours. */
export function createGrowth(db: DatabaseSync): Growth {
  const note = db.prepare('INSERT OR IGNORE INTO sample VALUES (?, ?)')
  const tidy = db.prepare('DELETE FROM sample WHERE hour < ?')
  const oldest = db.prepare('SELECT hour, seq FROM sample WHERE hour >= ? ORDER BY hour LIMIT 1')
  let noted = -1
  return {
    sample(seq, nowMs) {
      const hour = Math.floor(nowMs / HOUR_MS)
      if (hour === noted) return
      note.run(hour, seq)
      tidy.run(hour - KEPT_HOURS)
      noted = hour
    },
    pointsPerDay(seq, nowMs) {
      const row = oldest.get(Math.floor((nowMs - DAY_MS) / HOUR_MS))
      const [hour, before] = [row?.['hour'], row?.['seq']]
      if (typeof hour !== 'number' || typeof before !== 'number') return 0
      // The sample may be up to an hour younger than its hour, and the first minutes say little.
      const spanMs = Math.max(HOUR_MS, nowMs - hour * HOUR_MS)
      return Math.round(((seq - before) * DAY_MS) / spanMs)
    },
  }
}
