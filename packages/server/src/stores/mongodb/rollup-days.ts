import type { DayRollups } from '../sqlite/rollup-read.ts'
import { coarsestFirst, DAY, dayOf, tiers, unitOf, type Tier } from '../sqlite/tiers.ts'
import type { DeviceView } from './device-window.ts'
import type { RollupDocument, TelemetryCollections } from './telemetry-documents.ts'

export const tierNames = ['minute', 'hour', 'day'] as const satisfies Record<Tier, RollupDocument['tier']>

/** What is known of [from, to) of a series: its roll-ups, or undefined when the points themselves must be read. */
export interface Part {
  from: number
  to: number
  days: DayRollups[] | undefined
}

export interface RollupDays {
  /** The parts of [from, to) of a series, one after the other. */
  parts(series: number, rawFrom: number, from: number, to: number): Generator<Part>
}

interface Asked {
  device: string
  series: readonly number[]
  /** Where the buckets begin. */
  origin: number
  step: number
  from: number
  to: number
}

/** The tier whose stretches make the buckets without a remainder; for points that are gone, one that is not longer. */
function tierFor({ origin, step }: Asked, gone: boolean): Tier | undefined {
  return coarsestFirst.find((tier) => {
    const unit = unitOf[tier]
    return gone ? unit <= step : step % unit === 0 && origin % unit === 0
  })
}

/** Loads the roll-ups that may answer a part of a range; days that were changed since count only where the points are gone. */
export async function loadRollupDays(
  { rollups, changed }: TelemetryCollections,
  { hot }: DeviceView,
  asked: Asked,
): Promise<RollupDays> {
  const { device, series, from, to } = asked
  const wanted = new Set([tierFor(asked, false), tierFor(asked, true)].filter((tier) => tier !== undefined))
  const days = { $gte: new Date(dayOf(from) * (DAY / 1_000)), $lt: new Date((dayOf(to - 1) + 1) * (DAY / 1_000)) }
  const found =
    wanted.size === 0
      ? []
      : await rollups
          .find({ d: device, tier: { $in: [...wanted].map((tier) => tierNames[tier]) }, day: days })
          .toArray()
  const stale =
    found.length === 0
      ? []
      : await changed
          .find({ d: device, day: { $gte: dayOf(from), $lte: dayOf(to - 1) } })
          .project({ day: 1 })
          .toArray()
  const staleDays = new Set(stale.map(({ day }) => Number(day)))
  const own = new Set(series)
  const byPlace = new Map(
    found
      .filter(({ n }) => own.has(n))
      .map((each) => [placeOf(each.n, tiers[each.tier], each.day.getTime() / (DAY / 1_000)), each]),
  )

  function* parts(of: number, rawFrom: number, begin: number, end: number): Generator<Part> {
    const hotDays = new Set(hot.get(of)?.map(({ at }) => dayOf(at)))
    for (let at = begin; at < end;) {
      const gone = at < rawFrom
      const tier = tierFor(asked, gone)
      const until = gone ? Math.min(end, rawFrom) : end
      const day = dayOf(at)
      const dayEnd = Math.min(until, (day + 1) * DAY)
      // A day that begins before the range, or ends after it, is read point by point.
      const whole = gone || (at === day * DAY && dayEnd === (day + 1) * DAY)
      const fresh = gone || !(staleDays.has(day) || hotDays.has(day))
      const document = tier !== undefined && whole && fresh ? byPlace.get(placeOf(of, tier, day)) : undefined
      if (document && tier !== undefined) {
        yield { from: at, to: dayEnd, days: [{ start: day * DAY, unit: unitOf[tier], columns: toColumns(document) }] }
      } else yield { from: at, to: dayEnd, days: undefined }
      at = dayEnd
    }
  }
  return { parts }
}

function placeOf(series: number, tier: Tier, day: number): string {
  return `${series}/${tier}/${day}`
}

function toColumns(document: RollupDocument): DayRollups['columns'] {
  return {
    places: Float64Array.from(document.place),
    counts: Float64Array.from(document.count),
    numbers: (name) => Float64Array.from(document[name]),
  }
}
