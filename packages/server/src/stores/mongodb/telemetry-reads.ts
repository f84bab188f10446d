import type { RangeQuery, ReadOptions } from '@patchbay/core/telemetry/port'
import { ReadCancelled } from '@patchbay/core/telemetry/read-cancelled'
import { BucketFold, MAX_BUCKETS } from '../sqlite/bucket-fold.ts'
import type { HotRow } from '../sqlite/hot-rows.ts'
import { ReadBudget } from '../sqlite/read-budget.ts'
import type { Columns, KeyBuckets, StoreCalls } from '../sqlite/telemetry-calls.ts'
import { emptyColumns, push } from '../sqlite/telemetry-reads.ts'
import { DAY, dayOf } from '../sqlite/tiers.ts'
import {
  extentOf,
  fetchBodies,
  nextWindow,
  planSeries,
  stretchesOf,
  viewDevice,
  type DeviceView,
  type Window,
} from './device-window.ts'
import { inTime } from './hot-rows.ts'
import { loadRollupDays, type Part } from './rollup-days.ts'
import type { TelemetryCollections } from './telemetry-documents.ts'

/** Days of one window: so many roll-ups are in memory at once. */
const WINDOW_DAYS = 64
/** Points of one window whose chunks are opened together. */
const WINDOW_POINTS = 100_000
/** What looking up one series costs, in rows. */
const LOOKUP_ROWS = 20

type Answer<K extends keyof StoreCalls> = StoreCalls[K]['answer']
type RawAsk = StoreCalls['raw']['ask']

interface Series {
  id: number
  key: string
}

export interface TelemetryReads {
  latest(device: string, options: ReadOptions): Promise<Answer<'latest'>>
  range(query: RangeQuery, options: ReadOptions): Promise<Answer<'range'>>
  raw(ask: RawAsk, options: ReadOptions): Promise<Answer<'raw'>>
}

export function createTelemetryReads(
  collections: TelemetryCollections,
  isCommitted: (writer: string, seq: number) => boolean,
): TelemetryReads {
  async function view(device: string, { signal }: ReadOptions): Promise<DeviceView | undefined> {
    checkCaller(signal)
    const found = await viewDevice(collections, device, isCommitted)
    checkCaller(signal)
    return found
  }

  return {
    async latest(device, options) {
      const known = await view(device, options)
      const keys: string[] = []
      const points = emptyColumns()
      if (!known) return { keys, points }
      const sealed = new Map(known.device.newest?.map((point) => [point.n, point]))
      for (const { k, n } of known.device.series ?? []) {
        const newest = sealed.get(n)
        const rows = known.hot.get(n)?.slice(-1) ?? []
        if (newest) rows.push({ seq: newest.s, t: newest.t, at: newest.at, kind: newest.kind, value: newest.v })
        const row = rows.toSorted(inTime).at(-1)
        if (row) push(points, keys.push(k) - 1, row)
      }
      return { keys, points }
    },

    async range({ device, keys, from, to, step, aggregate }, options) {
      const known = await view(device, options)
      if (!known) return { series: [], mismatch: [] }
      const budget = new ReadBudget()
      const count = { left: MAX_BUCKETS }
      const folds = chosen(known, keys).map((own) => ({
        ...own,
        rawFrom: rawFromOf(known, own.id),
        fold: new BucketFold(own.key, { from, step, aggregate }, count),
        fits: true,
      }))
      budget.spend(folds.length * LOOKUP_ROWS)
      const series = folds.map(({ id }) => id)
      const extent = await extentOf(collections, known, from, to)
      for (let at = extent.from; at < extent.to && folds.length > 0;) {
        const most = Math.min(extent.to, (dayOf(at) + WINDOW_DAYS) * DAY)
        const window = toWholeDays(await nextWindow(collections, device, at, most, WINDOW_POINTS), most)
        const asked = { device, series, origin: from, step, from: at, to: window.to }
        const rollups = await loadRollupDays(collections, known, asked)
        const plans = folds.flatMap((own) => {
          if (!own.fits) return []
          return [...joined(rollups.parts(own.id, own.rawFrom, at, window.to))].map((part) => ({
            own,
            part,
            plan: part.days
              ? undefined
              : planSeries(known, window, own.id, part.from, part.to, (summary) => own.fold.takes(summary)),
          }))
        })
        checkCaller(options.signal)
        const bodies = await fetchBodies(
          collections,
          plans.flatMap(({ plan }) => plan?.opened ?? []),
        )
        checkCaller(options.signal)
        for (const { own, part, plan } of plans) {
          if (!own.fits) continue
          for (const day of part.days ?? []) own.fold.addRollups(day, part.from, part.to)
          if (!plan) continue
          for (const stretch of stretchesOf(plan, bodies, own.id, part.from, part.to)) {
            if ('summary' in stretch) own.fold.addSummary(stretch.summary)
            else {
              budget.spend(stretch.rows.length)
              own.fits &&= stretch.rows.every((row) => own.fold.add(row))
            }
            if (!own.fits) break
          }
        }
        at = window.to
      }
      const found: KeyBuckets[] = []
      for (const { fold, fits } of folds) {
        const buckets = fits ? fold.done() : undefined
        if (buckets && buckets.at.length > 0) found.push(buckets)
      }
      return { series: found, mismatch: folds.filter(({ fits }) => !fits).map(({ key }) => key) }
    },

    async raw({ device, keys, from, to, limit, after }, options) {
      const known = await view(device, options)
      const points: Columns = emptyColumns()
      if (!known) return { keys: [], points, more: false }
      const all = chosen(known, keys)
      const names = all.map(({ key }) => key)
      const budget = new ReadBudget()
      for (let at = after === undefined ? from : Math.max(from, after.at); at < to;) {
        const window = await nextWindow(collections, device, at, to, limit + 1)
        const plans = all.map(({ id }) => planSeries(known, window, id, at, window.to))
        const bodies = await fetchBodies(
          collections,
          plans.flatMap(({ opened }) => opened),
        )
        checkCaller(options.signal)
        const rows: { name: number; row: HotRow }[] = []
        for (const [name, { id, key }] of all.entries()) {
          const plan = plans[name]
          if (!plan) continue
          for (const stretch of stretchesOf(plan, bodies, id, at, window.to)) {
            if (!('rows' in stretch)) continue
            budget.spend(stretch.rows.length)
            for (const row of stretch.rows) {
              if (after === undefined || row.at > after.at || key > after.key) rows.push({ name, row })
            }
          }
        }
        rows.sort((a, b) => a.row.at - b.row.at || a.name - b.name)
        for (const { name, row } of rows) {
          if (points.at.length === limit) return { keys: names, points, more: true }
          push(points, name, row)
        }
        at = window.to
      }
      return { keys: names, points, more: false }
    },
  }
}

export function checkCaller(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ReadCancelled('the caller has gone', { cause: signal.reason })
}

export function rawFromOf({ device }: DeviceView, series: number): number {
  return Math.max(device.rawFrom ?? 0, device.keyFrom?.find(({ n }) => n === series)?.at ?? 0)
}

/** The chosen series in the order of their keys. */
function chosen({ device }: DeviceView, keys: readonly string[] | undefined): Series[] {
  const wanted = keys && new Set(keys)
  const all = (device.series ?? []).filter(({ k }) => !wanted || wanted.has(k)).map(({ k, n }) => ({ id: n, key: k }))
  return all.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

/** Ends a window that is not the last with a day where it can, so that the next begins with one. */
function toWholeDays(window: Window, most: number): Window {
  const end = dayOf(window.to) * DAY
  return window.to < most && end > window.from ? { ...window, to: end } : window
}

/** Neighbouring parts that must be read point by point as one. */
function* joined(parts: Iterable<Part>): Generator<Part> {
  let open: Part | undefined
  for (const part of parts) {
    if (open && !open.days && !part.days) {
      open = { ...open, to: part.to }
      continue
    }
    if (open) yield open
    open = part
  }
  if (open) yield open
}
