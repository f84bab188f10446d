import type { DatabaseSync } from 'node:sqlite'
import type { Batch } from '@patchbay/core/telemetry/port'
import type { SealedPoint } from '@patchbay/core/telemetry/codec/frame'
import { createBackgroundTransaction } from './background-transaction.ts'
import { createChunkWriter } from './chunk-writer.ts'
import { StoreCorrupt } from './errors.ts'
import { toFailure } from './failure.ts'
import type { HotLog } from './hot-log.ts'
import { asArrays, toHotRow } from './hot-rows.ts'
import { SealQueue, type SealLimits } from './seal-queue.ts'

/** Time of one transaction that seals: a commit may have to wait for it. */
const STEP_MS = 10
/** The same when far more is hot than may be. */
const BUSY_STEP_MS = 30
const BUSY_FACTOR = 4
/** Points of one device that are taken at once. */
const MAX_POINTS = 8_192
/** Series counted in one step after the start. */
const COUNTED_AT_ONCE = 200

export interface Sealing {
  /** Points that are in the hot log now. */
  added(batch: Batch): void
  /** Seals a little in a transaction of its own; answers whether there is more. */
  step(): boolean
  /** Has the rows of slow series sealed. */
  sweep(): void
}

/** Moves points from the hot log into chunks, each move whole or not at all. */
export function createSealing(db: DatabaseSync, log: HotLog, limits: SealLimits): Sealing {
  const queue = new SealQueue(limits)
  const transaction = createBackgroundTransaction(db)
  const chunks = createChunkWriter(db, limits.records)
  const deviceOf = db.prepare('SELECT device FROM series WHERE id = ?')
  const seriesOf = db.prepare('SELECT id FROM series WHERE device = ?')
  const hotOf = asArrays(db.prepare('SELECT seq, at, kind, value FROM hot WHERE series = ? ORDER BY at, seq LIMIT ?'))
  const removeSeries = db.prepare('DELETE FROM hot WHERE series = ?')
  const removeOne = db.prepare('DELETE FROM hot WHERE seq = ?')
  const floor = db.prepare('UPDATE meta SET seq_floor = max(seq_floor, ?)')
  const countFrom = db.prepare('SELECT series, count(*) AS n FROM hot WHERE series > ? GROUP BY series LIMIT ?')
  /** The last series whose rows of before the start were counted. */
  let counted: number | undefined = 0

  function countSome(): void {
    if (counted === undefined) return
    const rows = countFrom.all(counted, COUNTED_AT_ONCE)
    for (const { series, n } of rows) {
      if (typeof series !== 'number' || typeof n !== 'number') throw new StoreCorrupt('no count of hot rows')
      queue.sealed(series, 0)
      queue.add(series, n, Date.now())
      counted = series
    }
    if (rows.length < COUNTED_AT_ONCE) counted = undefined
  }

  function sealDeviceOf(due: number): void {
    const device = deviceOf.get(due)?.['device']
    if (typeof device !== 'string') {
      // The device was deleted; its rows go with it.
      queue.sealed(due, 0)
      return
    }
    const points: SealedPoint[] = []
    for (const { id: series } of seriesOf.all(device)) {
      if (typeof series !== 'number') throw new StoreCorrupt('a series has no id')
      const room = MAX_POINTS - points.length
      if (room <= 0) break
      const rows: unknown[] = hotOf.all(series, room)
      for (const raw of rows) {
        const { seq, at, kind, value } = toHotRow(raw)
        points.push({ seq, series, at, kind, value })
        if (rows.length === room) removeOne.run(seq)
      }
      if (rows.length < room) {
        if (rows.length > 0) removeSeries.run(series)
        queue.sealed(series, 0)
      } else queue.sealed(series, 1)
    }
    if (points.length > 0) chunks.write(device, points)
  }

  return {
    added({ length, series }) {
      const nowMs = Date.now()
      let run = 0
      for (let i = 0; i < length; i++) {
        run += 1
        if (series[i] === series[i + 1] && i + 1 < length) continue
        queue.add(series[i] ?? 0, run, nowMs)
        run = 0
      }
    },
    step() {
      try {
        countSome()
        let due = queue.next()
        if (due === undefined) return counted !== undefined
        const busy = queue.total > limits.hotRows * BUSY_FACTOR
        const end = performance.now() + (busy ? BUSY_STEP_MS : STEP_MS)
        transaction(() => {
          while (due !== undefined) {
            sealDeviceOf(due)
            if (performance.now() > end) break
            due = queue.next()
          }
          floor.run(log.lastSeq())
        })
        return queue.next() !== undefined || counted !== undefined
      } catch (error) {
        // What was counted as sealed is hot again; all is counted anew.
        counted = 0
        if (toFailure(error).sort === 'corrupt') throw error
        // The disk cannot take it now (moving needs space too); the next group's commit tries again.
        return false
      }
    },
    sweep: () => queue.sweep(Date.now()),
  }
}
