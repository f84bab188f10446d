import type { TelemetryStats } from '@patchbay/core/telemetry/port'
import type { TelemetryCollections } from './telemetry-documents.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Samples beyond a day are of no use, but a store that rested keeps its last ones. */
const KEPT_HOURS = 49

export interface Growth {
  /** Notes where the writer's log stands, once an hour. */
  sample(seq: number, nowMs: number): Promise<void>
  counts(seq: number, nowMs: number): Promise<Omit<TelemetryStats, 'bytes'>>
}

/** How much there is and how much comes. */
export function createGrowth(collections: TelemetryCollections, writer: string): Growth {
  const { hot, chunks, devices, writers, meta } = collections
  let noted = -1

  const sumOf = (groups: { points: number }[]): number => groups.reduce((sum, { points }) => sum + points, 0)

  return {
    async sample(s, nowMs) {
      const h = Math.floor(nowMs / HOUR_MS)
      if (h === noted) return
      const own = await writers.findOne({ _id: writer })
      const hours = (own?.hours ?? []).filter((each) => each.h > h - KEPT_HOURS)
      if (!hours.some((each) => each.h === h)) hours.push({ h, s })
      await writers.updateOne({ _id: writer }, { $set: { hours } }, { upsert: true })
      noted = h
    },

    async counts(seq, nowMs) {
      const [hotPoints, sealed, series, all, counts] = await Promise.all([
        hot.aggregate<{ points: number }>([{ $group: { _id: null, points: { $sum: { $size: '$n' } } } }]).toArray(),
        chunks.aggregate<{ points: number }>([{ $group: { _id: null, points: { $sum: '$points' } } }]).toArray(),
        devices
          .aggregate<{ points: number }>([
            { $group: { _id: null, points: { $sum: { $size: { $ifNull: ['$series', []] } } } } },
          ])
          .toArray(),
        writers.find().toArray(),
        meta.findOne({ _id: 'counts' }),
      ])
      const pointsPerDay = all.reduce((sum, { _id, to, hours }) => {
        const since = hours?.find(({ h }) => h >= Math.floor((nowMs - DAY_MS) / HOUR_MS))
        if (!since) return sum
        // The sample may be up to an hour younger than its hour, and the first minutes say little.
        const spanMs = Math.max(HOUR_MS, nowMs - since.h * HOUR_MS)
        return sum + Math.round((((_id === writer ? seq : to) - since.s) * DAY_MS) / spanMs)
      }, 0)
      return {
        points: sumOf(hotPoints) + sumOf(sealed),
        series: sumOf(series),
        droppedUnread: counts?.unread ?? 0,
        pointsPerDay,
      }
    },
  }
}
