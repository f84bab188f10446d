import type { DatabaseSync } from 'node:sqlite'
import { asArrays } from './hot-rows.ts'

/** Since when there are points of a series, µs; before that there are roll-ups at most. */
export type RawStart = (series: number) => number

/** Looks up what is so of all series of a device. */
export function createRawStart(db: DatabaseSync): (device: string) => RawStart {
  const ofOwner = asArrays(db.prepare('SELECT raw_from FROM owner WHERE device = ?'))
  // Few keys are kept less long than their device, mostly none.
  const ofSeries = asArrays(
    db.prepare('SELECT series, series_from.raw_from FROM series_from JOIN series ON id = series WHERE device = ?'),
  )
  return (device) => {
    const all = numberIn(ofOwner.get(device), 0)
    const own = new Map(ofSeries.all(device).map((row) => [numberIn(row, 0), numberIn(row, 1)]))
    return (series) => Math.max(all, own.get(series) ?? 0)
  }
}

function numberIn(row: unknown, column: number): number {
  const value: unknown = Array.isArray(row) ? row[column] : undefined
  return typeof value === 'number' ? value : 0
}
