import type { DatabaseSync } from 'node:sqlite'
import type { Summary } from '@patchbay/core/telemetry/codec/summary'
import { BucketFold, MAX_BUCKETS } from './bucket-fold.ts'
import { StoreCorrupt } from './errors.ts'
import { asArrays, PAUSE, toHotRow, type HotRow, type Steps, type Turn } from './hot-rows.ts'
import { ReadBudget, ROWS_PER_TURN } from './read-budget.ts'
import type { HotIndex } from './hot-index.ts'
import type { SealedChunks } from './sealed-chunks.ts'
import { createRollupRead, type RolledUp } from './rollup-read.ts'
import { createRawStart } from './raw-start.ts'
import type { SeriesPlace, SeriesPoints, Stretch } from './series-points.ts'
import type { Columns, KeyBuckets, StoreCalls } from './telemetry-calls.ts'

/** Rows fetched ahead for each of many series that are merged: too few cost statements, too many are thrown away. */
const MIN_MERGE_PAGE_ROWS = 8
/** What looking up one series costs, in rows. */
const LOOKUP_ROWS = 20

interface Series {
  id: number
  key: string
}
type Ask<K extends keyof StoreCalls> = StoreCalls[K]['ask']
type Answer<K extends keyof StoreCalls> = StoreCalls[K]['answer']

export interface TelemetryReads {
  open(ask: Ask<'open'>): Answer<'open'>
  latest(ask: Ask<'latest'>): Steps<Answer<'latest'>>
  range(ask: Ask<'range'>): Steps<Answer<'range'>>
  raw(ask: Ask<'raw'>): Steps<Answer<'raw'>>
}

export function createTelemetryReads(
  db: DatabaseSync,
  index: HotIndex,
  chunks: SealedChunks,
  points: SeriesPoints,
): TelemetryReads {
  const ofDevice = asArrays(db.prepare('SELECT id, key FROM series WHERE device = ?'))
  const newestOf = asArrays(
    db.prepare(
      'SELECT seq, at, kind, value, id, key FROM series LEFT JOIN newest ON series = id WHERE device = ? ORDER BY key',
    ),
  )
  const rollups = createRollupRead(db, index)
  const rawStart = createRawStart(db)

  function seriesOf(device: string): Series[] {
    return ofDevice.all(device).map(toSeries)
  }

  /** The chosen series in the order of their keys. */
  function chosen(device: string, keys: readonly string[] | undefined): Series[] {
    const wanted = keys && new Set(keys)
    const all = seriesOf(device).filter((series) => !wanted || wanted.has(series.key))
    return all.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** The range's points, by roll-ups where there are some that fit. */
  function* stretches(
    budget: ReadBudget,
    place: SeriesPlace,
    { from: origin, to, step }: Ask<'range'>,
    takes: (summary: Summary) => boolean,
    rawFrom: (series: number) => number,
  ): Generator<Stretch | RolledUp | Turn, void> {
    const { device, series, owner } = place
    for (let from = origin; from < to;) {
      const part: RolledUp =
        owner === undefined
          ? { from, to, days: undefined }
          : rollups.next({ device, series, owner, rawFrom: rawFrom(series), origin, step, from, to })
      if (part.days) {
        yield part
        for (const { columns } of part.days) budget.spend(columns.places.length)
      } else yield* points.stretches(budget, place, from, part.to, ROWS_PER_TURN, takes)
      from = part.to
      if (budget.turnOver()) yield PAUSE
    }
  }

  return {
    open: ({ device }) => seriesOf(device),

    *latest({ device }) {
      const budget = new ReadBudget()
      const keys: string[] = []
      const found = emptyColumns()
      for (const raw of newestOf.all(device)) {
        const { id, key, row } = toNewest(raw)
        const newest = later(index.rows(device, id).at(-1), row)
        if (newest) push(found, keys.push(key) - 1, newest)
        budget.spend(LOOKUP_ROWS)
        if (budget.turnOver()) yield PAUSE
      }
      return { keys, points: found }
    },

    *range(ask) {
      const budget = new ReadBudget()
      const count = { left: MAX_BUCKETS }
      const series: KeyBuckets[] = []
      const mismatch: string[] = []
      const owner = chunks.ownerOf(ask.device)
      // What retention drops while the read pauses is looked at again.
      let start = rawStart(ask.device)
      const rawFrom = (id: number) => start(id)
      for (const { id, key } of chosen(ask.device, ask.keys)) {
        const fold = new BucketFold(key, ask, count)
        const takes = (summary: Summary) => fold.takes(summary)
        let fits = true
        for (const stretch of stretches(budget, { device: ask.device, series: id, owner }, ask, takes, rawFrom)) {
          if (stretch === PAUSE) {
            yield PAUSE
            start = rawStart(ask.device)
          } else if ('days' in stretch)
            for (const day of stretch.days ?? []) fold.addRollups(day, stretch.from, stretch.to)
          else if ('summary' in stretch) fold.addSummary(stretch.summary)
          else fits = stretch.rows.every((row) => fold.add(row))
          if (!fits) break
        }
        const buckets = fits ? fold.done() : undefined
        if (!buckets) mismatch.push(key)
        else if (buckets.at.length > 0) series.push(buckets)
        budget.spend(LOOKUP_ROWS)
        if (budget.turnOver()) {
          yield PAUSE
          start = rawStart(ask.device)
        }
      }
      return { series, mismatch }
    },

    *raw({ device, keys, from, to, limit, after }) {
      const budget = new ReadBudget()
      const all = chosen(device, keys)
      const pageRows = Math.max(MIN_MERGE_PAGE_ROWS, Math.ceil((limit + 1) / Math.max(1, all.length)))
      const owner = chunks.ownerOf(device)
      const heads: Head[] = []
      for (const { id, key } of all) {
        const start = after === undefined ? from : Math.max(from, key <= after.key ? after.at + 1 : after.at)
        const source = points.stretches(budget, { device, series: id, owner }, start, to, pageRows)
        const head: Head = { key, source, rows: [], next: 0, row: undefined }
        yield* advance(head)
        if (head.row) heads.push(head)
      }
      const found = emptyColumns()
      while (heads.some((head) => head.row !== undefined)) {
        // All that share the smallest time, in the order of their keys.
        let at = Infinity
        for (const { row } of heads) if (row && row.at < at) at = row.at
        for (const [name, head] of heads.entries()) {
          if (head.row?.at !== at) continue
          if (found.at.length === limit) return { keys: heads.map((each) => each.key), points: found, more: true }
          push(found, name, head.row)
          yield* advance(head)
        }
      }
      return { keys: heads.map((head) => head.key), points: found, more: false }
    },
  }
}

interface Head {
  key: string
  source: Generator<Stretch | Turn, void>
  rows: HotRow[]
  next: number
  /** The next point; undefined at the end. */
  row: HotRow | undefined
}

function* advance(head: Head): Steps<void> {
  for (;;) {
    head.row = head.rows[head.next]
    head.next += 1
    if (head.row) return
    const next = head.source.next()
    if (next.done) return
    if (next.value === PAUSE) yield PAUSE
    else if ('rows' in next.value) {
      head.rows = next.value.rows
      head.next = 0
    }
  }
}

export function emptyColumns(): Columns {
  return { name: [], at: [], kind: [], value: [] }
}

export function push(columns: Columns, name: number, row: HotRow): void {
  columns.name.push(name)
  columns.at.push(row.at)
  columns.kind.push(row.kind)
  columns.value.push(row.value)
}

/** A series and its newest sealed point. */
function toNewest(raw: unknown): Series & { row: HotRow | undefined } {
  if (!Array.isArray(raw)) throw new StoreCorrupt('a row of the series has a wrong form')
  return { ...toSeries(raw.slice(4)), row: raw[0] === null ? undefined : toHotRow(raw) }
}

/** Of a hot and a sealed point the newer. */
function later(hot: HotRow | undefined, sealed: HotRow | undefined): HotRow | undefined {
  if (!hot || !sealed) return hot ?? sealed
  return hot.at > sealed.at || (hot.at === sealed.at && hot.seq > sealed.seq) ? hot : sealed
}

function toSeries(row: unknown): Series {
  if (Array.isArray(row)) {
    const [id, key]: unknown[] = row
    if (typeof id === 'number' && typeof key === 'string') return { id, key }
  }
  throw new StoreCorrupt('a row of the series has a wrong form')
}
