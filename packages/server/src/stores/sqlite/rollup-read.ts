import type { DatabaseSync } from 'node:sqlite'
import { RollupColumns } from '@patchbay/core/telemetry/codec/rollup'
import { StoreCorrupt } from './errors.ts'
import type { HotIndex } from './hot-index.ts'
import { asArrays } from './hot-rows.ts'
import { coarsestFirst, DAY, dayOf, unitOf, type Tier } from './tiers.ts'

/** Days looked at in one turn. */
const DAYS_AT_ONCE = 64

export interface RollupRange {
  device: string
  series: number
  owner: number
  /** Before that there are roll-ups alone. */
  rawFrom: number
  /** Where the buckets begin. */
  origin: number
  step: number
  from: number
  to: number
}

/** Stretches of one day, each `unit` µs long. */
export interface DayRollups {
  start: number
  unit: number
  columns: Pick<RollupColumns, 'places' | 'counts' | 'numbers'>
}

/** What is known of [from, to): its roll-ups, or undefined when the points themselves must be read. */
export interface RolledUp {
  from: number
  to: number
  days: DayRollups[] | undefined
}

export interface RollupRead {
  /** The next part of the range, beginning at its `from`. */
  next(range: RollupRange): RolledUp
}

export function createRollupRead(db: DatabaseSync, index: HotIndex): RollupRead {
  const bodies = asArrays(
    db.prepare(
      `SELECT day, body, EXISTS (SELECT 1 FROM changed WHERE owner = ? AND changed.day = rollup.day)
        FROM rollup WHERE series = ? AND tier = ? AND day >= ? AND day < ?`,
    ),
  )
  const isHot = (device: string, series: number, day: number) =>
    index.rows(device, series).some(({ at }) => dayOf(at) === day)

  /** The tier whose stretches make the buckets without a remainder; for points that are gone, one that is not longer. */
  function tierFor({ origin, step }: RollupRange, gone: boolean): Tier | undefined {
    return coarsestFirst.find((tier) => {
      const unit = unitOf[tier]
      return gone ? unit <= step : step % unit === 0 && origin % unit === 0
    })
  }

  return {
    next(range) {
      const { series, owner, rawFrom: until, from, to } = range
      const gone = from < until
      const tier = tierFor(range, gone)
      const firstDay = dayOf(from)
      const untilRaw = gone ? Math.min(to, until) : to
      if (tier === undefined) return { from, to: untilRaw, days: undefined }
      // A day that begins before the range, or ends after it, is read point by point.
      if (from % DAY !== 0 && !gone) return { from, to: Math.min(to, nextDay(from)), days: undefined }
      const endDay = Math.min(
        firstDay + DAYS_AT_ONCE,
        gone ? dayOf(until - 1) + 1 : Infinity,
        dayOf(to + (gone ? DAY - 1 : 0)),
      )
      const found = bodies.all(owner, series, tier, firstDay, endDay)
      if (found.length === 0) return { from, to: Math.min(to, Math.max(nextDay(from), endDay * DAY)), days: undefined }
      const days: DayRollups[] = []
      const unit = unitOf[tier]
      let day = firstDay
      for (const row of found) {
        const { own, body, changed } = toDay(row)
        const stale = changed || isHot(range.device, series, own)
        if (own !== day || (stale && !gone)) break
        day += 1
        days.push({ start: own * DAY, unit, columns: new RollupColumns(body) })
      }
      if (day === firstDay) return { from, to: Math.min(to, nextDay(from)), days: undefined }
      return { from, to: Math.min(to, day * DAY), days }
    },
  }
}

function nextDay(at: number): number {
  return (dayOf(at) + 1) * DAY
}

function toDay(row: unknown): { own: number; body: Uint8Array; changed: boolean } {
  if (Array.isArray(row)) {
    const [own, body, changed]: unknown[] = row
    if (typeof own === 'number' && body instanceof Uint8Array) return { own, body, changed: changed !== 0 }
  }
  throw new StoreCorrupt('a roll-up has a wrong form')
}
