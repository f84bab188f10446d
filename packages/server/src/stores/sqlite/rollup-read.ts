import type { DatabaseSync } from 'node:sqlite'
import { readRollups } from '@patchbay/core/telemetry/codec/rollup'
import type { Summary } from '@patchbay/core/telemetry/codec/summary'
import { StoreCorrupt } from './errors.ts'
import type { HotIndex } from './hot-index.ts'
import { coarsestFirst, DAY, dayOf, unitOf, type Tier } from './tiers.ts'

/** Days looked at in one turn. */
const DAYS_AT_ONCE = 64

export interface RollupRange {
  device: string
  series: number
  owner: number
  /** Where the buckets begin. */
  origin: number
  step: number
  from: number
  to: number
}

/** What is known of [from, to): its roll-ups, or undefined when the points themselves must be read. */
export interface RolledUp {
  from: number
  to: number
  summaries: Summary[] | undefined
}

export interface RollupRead {
  /** The next part of the range, beginning at its `from`. */
  next(range: RollupRange): RolledUp
}

export function createRollupRead(db: DatabaseSync, index: HotIndex): RollupRead {
  const bodies = db.prepare('SELECT day, body FROM rollup WHERE series = ? AND tier = ? AND day >= ? AND day < ?')
  const rawFrom = db.prepare(
    'SELECT max(raw_from, ifnull((SELECT raw_from FROM series_from WHERE series = ?), 0)) AS raw_from FROM owner WHERE id = ?',
  )
  const changed = db.prepare('SELECT day FROM changed WHERE owner = ? AND day >= ? AND day < ?')
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
      const { series, owner, from, to } = range
      const until = rawFrom.get(series, owner)?.['raw_from']
      const gone = typeof until === 'number' && from < until
      const tier = tierFor(range, gone)
      const firstDay = dayOf(from)
      const untilRaw = gone ? Math.min(to, until) : to
      if (tier === undefined) return { from, to: untilRaw, summaries: undefined }
      // A day that begins before the range, or ends after it, is read point by point.
      if (from % DAY !== 0 && !gone) return { from, to: Math.min(to, nextDay(from)), summaries: undefined }
      const endDay = Math.min(
        firstDay + DAYS_AT_ONCE,
        gone ? dayOf(until - 1) + 1 : Infinity,
        dayOf(to + (gone ? DAY - 1 : 0)),
      )
      const found = bodies.all(series, tier, firstDay, endDay)
      if (found.length === 0)
        return { from, to: Math.min(to, Math.max(nextDay(from), endDay * DAY)), summaries: undefined }
      const unsafe = new Set(changed.all(owner, firstDay, endDay).map(({ day }) => day))
      const summaries: Summary[] = []
      let day = firstDay
      for (const { day: own, body } of found) {
        if (typeof own !== 'number' || !(body instanceof Uint8Array))
          throw new StoreCorrupt('a roll-up has a wrong form')
        const stale = unsafe.has(own) || isHot(range.device, series, own)
        if (own !== day || (stale && !gone)) break
        day += 1
        for (const { place, count, ...numbers } of readRollups(body)) {
          const at = own * DAY + place * unitOf[tier]
          if (at >= from && at < to) summaries.push({ series, count, firstAt: at, lastAt: at, numbers })
        }
      }
      if (day === firstDay) return { from, to: Math.min(to, nextDay(from)), summaries: undefined }
      return { from, to: Math.min(to, day * DAY), summaries }
    },
  }
}

function nextDay(at: number): number {
  return (dayOf(at) + 1) * DAY
}
