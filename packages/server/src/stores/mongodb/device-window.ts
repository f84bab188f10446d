import type { Summary } from '@patchbay/core/telemetry/codec/summary'
import type { Stretch } from '../sqlite/series-points.ts'
import { DAY, dayOf } from '../sqlite/tiers.ts'
import { openBodies, rowsIn, toHead, type Bodies, type ChunkHead } from './chunk-document.ts'
import { inTime, rowsOf, type TimedRow } from './hot-rows.ts'
import type { DeviceDocument, TelemetryCollections } from './telemetry-documents.ts'

/** Chunks whose heads one window has. */
const MAX_HEADS = 256

/** What a read knows of a device before it looks into chunks. */
export interface DeviceView {
  device: DeviceDocument
  /** By series, in order of time. */
  hot: ReadonlyMap<number, TimedRow[]>
}

/** Chunks that have points in [from, to), complete up to `to`. */
export interface Window {
  from: number
  to: number
  heads: ChunkHead[]
}

interface Plan {
  hot: TimedRow[]
  opened: ChunkHead[]
  whole: Summary[]
}

/**
 * Hot documents first: what is sealed meanwhile is in its chunk before it leaves them, so that nothing is missed; what is met twice has the
 * same number.
 */
export async function viewDevice(
  { hot, devices }: TelemetryCollections,
  device: string,
  isCommitted: (writer: string, seq: number) => boolean,
): Promise<DeviceView | undefined> {
  const documents = await hot.find({ d: device }).sort({ t: 1, s: 1 }).toArray()
  const found = await devices.findOne({ _id: device })
  if (!found || found.leaving) return undefined
  const rows = new Map<number, TimedRow[]>()
  for (const document of documents) {
    if (!isCommitted(document.w, document.e)) continue
    for (const row of rowsOf(document)) {
      const own = rows.get(row.series)
      if (own) own.push(row)
      else rows.set(row.series, [row])
    }
  }
  for (const own of rows.values()) own.sort(inTime)
  return { device: found, hot: rows }
}

/** The window from `from` on that has `enough` points, or so many chunks. */
export async function nextWindow(
  collections: TelemetryCollections,
  device: string,
  from: number,
  to: number,
  enough: number,
  most = MAX_HEADS,
): Promise<Window> {
  const found = await collections.chunks
    .find({ d: device, to: { $gte: from }, from: { $lt: to } })
    .project<Parameters<typeof toHead>[0]>({ body: 0 })
    .sort({ from: 1 })
    .limit(most + 1)
    .toArray()
  let points = 0
  const heads: ChunkHead[] = []
  for (const document of found) {
    if ((points >= enough || heads.length === most) && document.from > from) {
      return { from, to: document.from, heads: heads.filter((head) => head.from < document.from) }
    }
    points += document.points
    heads.push(toHead(document))
  }
  // So many reach over its beginning that it has no end yet.
  if (found.length > most) return nextWindow(collections, device, from, to, enough, most * 4)
  return { from, to, heads }
}

/** What of a series in [from, to) comes by chunks' summaries, and which chunks must be opened. */
export function planSeries(
  { hot }: DeviceView,
  { heads }: Window,
  series: number,
  from: number,
  to: number,
  takes: (summary: Summary) => boolean = () => false,
): Plan {
  const inside = (hot.get(series) ?? []).filter(({ at }) => at >= from && at < to)
  const found = heads.flatMap((head) => {
    const summary = head.summaries.get(series)
    return summary && summary.lastAt >= from && summary.firstAt < to ? [{ head, summary }] : []
  })
  const alone = ({ summary }: { summary: Summary }): boolean =>
    summary.firstAt >= from &&
    summary.lastAt < to &&
    takes(summary) &&
    !inside.some(({ at }) => at >= summary.firstAt && at <= summary.lastAt) &&
    !found.some(
      ({ summary: other }) => other !== summary && other.firstAt <= summary.lastAt && other.lastAt >= summary.firstAt,
    )
  const whole = found.filter(alone)
  return {
    hot: inside,
    opened: found.filter((each) => !whole.includes(each)).map(({ head }) => head),
    whole: whole.map(({ summary }) => summary).toSorted((a, b) => a.firstAt - b.firstAt),
  }
}

/** The part of [from, to) in which the device has anything at all. */
export async function extentOf(
  { chunks, rollups }: TelemetryCollections,
  { device, hot }: DeviceView,
  from: number,
  to: number,
): Promise<{ from: number; to: number }> {
  const d = device._id
  const edges = await Promise.all([
    chunks
      .find({ d, to: { $gte: from } })
      .sort({ to: 1 })
      .limit(1)
      .project<{ from: number }>({ from: 1 })
      .next(),
    chunks.find({ d }).sort({ to: -1 }).limit(1).project<{ to: number }>({ to: 1 }).next(),
    rollups.find({ d, tier: 'day' }).sort({ day: 1 }).limit(1).project<{ day: Date }>({ day: 1 }).next(),
    rollups.find({ d, tier: 'day' }).sort({ day: -1 }).limit(1).project<{ day: Date }>({ day: 1 }).next(),
  ])
  const [first, last, firstDay, lastDay] = edges
  let least = Math.min(first?.from ?? Infinity, firstDay ? firstDay.day.getTime() * 1_000 : Infinity)
  let most = Math.max(last?.to ?? -Infinity, lastDay ? lastDay.day.getTime() * 1_000 + DAY : -Infinity)
  for (const rows of hot.values()) {
    least = Math.min(least, rows[0]?.at ?? Infinity)
    most = Math.max(most, rows.at(-1)?.at ?? -Infinity)
  }
  if (least > most) return { from: to, to }
  // Whole days, so that roll-ups are found as they would be without.
  return { from: Math.max(from, dayOf(least) * DAY), to: Math.min(to, (dayOf(most) + 1) * DAY) }
}

export async function fetchBodies({ chunks }: TelemetryCollections, heads: Iterable<ChunkHead>): Promise<Bodies> {
  const ids = [...new Set([...heads].map(({ _id }) => _id))]
  if (ids.length === 0) return new Map()
  return openBodies(
    await chunks
      .find({ _id: { $in: ids } })
      .project<{ _id: string; body: Uint8Array }>({ body: 1 })
      .toArray(),
  )
}

/** The planned points in order of time; of several with one time only the one that was committed last. */
export function* stretchesOf(plan: Plan, bodies: Bodies, series: number, from: number, to: number): Generator<Stretch> {
  const rows = [...plan.hot]
  for (const { _id, t } of plan.opened) {
    const frame = bodies.get(_id)
    if (frame) for (const row of rowsIn(frame, series, from, to, t)) rows.push(row)
  }
  if (plan.opened.length > 0) rows.sort(inTime)
  const distinct = rows.filter((row, i) => rows[i + 1]?.at !== row.at)
  let next = 0
  for (const summary of plan.whole) {
    const begin = next
    while (next < distinct.length && (distinct[next]?.at ?? 0) < summary.firstAt) next += 1
    if (next > begin) yield { rows: distinct.slice(begin, next) }
    yield { summary }
  }
  if (next < distinct.length) yield { rows: distinct.slice(next) }
}
