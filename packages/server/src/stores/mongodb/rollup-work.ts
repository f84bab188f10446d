import { coarsen, type Rollup } from '@patchbay/core/telemetry/codec/rollup'
import { addTo, HOURS_A_DAY, MINUTES_AN_HOUR, POINTS_A_MINUTE } from '../sqlite/rollup-work.ts'
import { DAY } from '../sqlite/tiers.ts'
import { fetchBodies, nextWindow, planSeries, stretchesOf, viewDevice, type DeviceView } from './device-window.ts'
import { rawFromOf } from './telemetry-reads.ts'
import type { RollupDocument, TelemetryCollections } from './telemetry-documents.ts'

const WINDOW_POINTS = 50_000

export interface RollupWork {
  /** Rolls one day up that was changed before that time; answers whether there was one. */
  step(changedBeforeMs: number): Promise<boolean>
}

/** Rolls changed days up; what changes meanwhile makes the day changed again. */
export function createRollupWork(
  collections: TelemetryCollections,
  isCommitted: (writer: string, seq: number) => boolean,
): RollupWork {
  const { changed, rollups } = collections

  /** The minutes of each series that has only numbers. */
  async function minutesOf(
    view: DeviceView,
    series: readonly number[],
    day: number,
  ): Promise<Map<number, Rollup[] | undefined>> {
    const made = new Map<number, Rollup[] | undefined>(series.map((id) => [id, []]))
    for (let at = day * DAY; at < (day + 1) * DAY;) {
      const window = await nextWindow(collections, view.device._id, at, (day + 1) * DAY, WINDOW_POINTS)
      const plans = series.map((id) => ({ id, plan: planSeries(view, window, id, at, window.to) }))
      const bodies = await fetchBodies(
        collections,
        plans.flatMap(({ plan }) => plan.opened),
      )
      for (const { id, plan } of plans) {
        for (const stretch of stretchesOf(plan, bodies, id, at, window.to)) {
          const minutes = made.get(id)
          if (!minutes || !('rows' in stretch)) continue
          if (!stretch.rows.every((row) => addTo(minutes, row))) made.set(id, undefined)
        }
      }
      at = window.to
    }
    return made
  }

  return {
    async step(changedBeforeMs) {
      const [found] = await changed
        .find({ since: { $lte: changedBeforeMs } })
        .sort({ since: 1 })
        .limit(1)
        .toArray()
      if (!found) return false
      const { d: device, day, marked } = found
      const view = await viewDevice(collections, device, isCommitted)
      if (view) {
        // Of a day whose points have begun to go only the roll-ups of before are whole.
        const whole = (view.device.series ?? []).filter(({ n }) => rawFromOf(view, n) <= day * DAY)
        const made = await minutesOf(
          view,
          whole.map(({ n }) => n),
          day,
        )
        const writes = whole.flatMap(({ n, k }) => toDocuments({ device, series: n, key: k, day }, made.get(n) ?? []))
        await rollups.bulkWrite([
          { deleteMany: { filter: { d: device, day: toDate(day), n: { $in: whole.map(({ n }) => n) } } } },
          ...writes.map((document) => ({ insertOne: { document } })),
        ])
      }
      await changed.deleteOne({ _id: found._id, marked })
      return true
    },
  }
}

function toDate(day: number): Date {
  return new Date(day * (DAY / 1_000))
}

function toDocuments(
  of: { device: string; series: number; key: string; day: number },
  minutes: Rollup[],
): RollupDocument[] {
  const total = minutes.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return []
  const hours = coarsen(minutes, MINUTES_AN_HOUR)
  return [
    ...(total >= minutes.length * POINTS_A_MINUTE ? [toDocument(of, 'minute', minutes)] : []),
    ...(total > hours.length ? [toDocument(of, 'hour', hours)] : []),
    toDocument(of, 'day', coarsen(hours, HOURS_A_DAY)),
  ]
}

function toDocument(
  { device, series, key, day }: { device: string; series: number; key: string; day: number },
  tier: RollupDocument['tier'],
  rollups: readonly Rollup[],
): RollupDocument {
  return {
    _id: `${series}/${tier}/${day}`,
    d: device,
    n: series,
    key,
    tier,
    day: toDate(day),
    place: rollups.map(({ place }) => place),
    count: rollups.map(({ count }) => count),
    sum: rollups.map(({ sum }) => sum),
    min: rollups.map(({ min }) => min),
    max: rollups.map(({ max }) => max),
    first: rollups.map(({ first }) => first),
    last: rollups.map(({ last }) => last),
  }
}
