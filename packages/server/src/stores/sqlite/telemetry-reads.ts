import type { DatabaseSync } from 'node:sqlite'
import { BucketFold, MAX_BUCKETS } from './bucket-fold.ts'
import { StoreCorrupt } from './errors.ts'
import { asArrays, createHotRows, PAUSE, type HotRow, type Steps, type Turn } from './hot-rows.ts'
import { ReadBudget, ROWS_PER_TURN } from './read-budget.ts'
import type { Columns, KeyBuckets, ReaderCalls } from './telemetry-calls.ts'

/** Rows fetched ahead for each of many series that are merged: too few cost statements, too many are thrown away. */
const MIN_MERGE_PAGE_ROWS = 8
/** What looking up one series costs, in rows. */
const LOOKUP_ROWS = 20

interface Series {
  id: number
  key: string
}
type Ask<K extends keyof ReaderCalls> = ReaderCalls[K]['ask']
type Answer<K extends keyof ReaderCalls> = ReaderCalls[K]['answer']

export interface TelemetryReads {
  open(ask: Ask<'open'>): Answer<'open'>
  latest(ask: Ask<'latest'>): Steps<Answer<'latest'>>
  range(ask: Ask<'range'>): Steps<Answer<'range'>>
  raw(ask: Ask<'raw'>): Steps<Answer<'raw'>>
}

export function createTelemetryReads(db: DatabaseSync): TelemetryReads {
  const ofDevice = asArrays(db.prepare('SELECT id, key FROM series WHERE device = ?'))
  const rows = createHotRows(db)

  function seriesOf(device: string): Series[] {
    return ofDevice.all(device).map(toSeries)
  }

  /** The chosen series in the order of their keys. */
  function chosen(device: string, keys: readonly string[] | undefined): Series[] {
    const wanted = keys && new Set(keys)
    const all = seriesOf(device).filter((series) => !wanted || wanted.has(series.key))
    return all.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  return {
    open: ({ device }) => seriesOf(device),

    *latest({ device }) {
      const budget = new ReadBudget()
      const keys: string[] = []
      const points = emptyColumns()
      for (const series of chosen(device, undefined)) {
        const row = rows.newest(series.id)
        if (row) push(points, keys.push(series.key) - 1, row)
        budget.spend(LOOKUP_ROWS)
        if (budget.turnOver()) yield PAUSE
      }
      return { keys, points }
    },

    *range(ask) {
      const budget = new ReadBudget()
      const count = { left: MAX_BUCKETS }
      const series: KeyBuckets[] = []
      const mismatch: string[] = []
      for (const { id, key } of chosen(ask.device, ask.keys)) {
        const fold = new BucketFold(key, ask, count)
        let fits = true
        for (const row of rows.distinct(budget, id, ask.from, ask.to, ROWS_PER_TURN)) {
          if (row === PAUSE) yield PAUSE
          else if (!fold.add(row)) {
            fits = false
            break
          }
        }
        const buckets = fits ? fold.done() : undefined
        if (!buckets) mismatch.push(key)
        else if (buckets.at.length > 0) series.push(buckets)
        budget.spend(LOOKUP_ROWS)
        if (budget.turnOver()) yield PAUSE
      }
      return { series, mismatch }
    },

    *raw({ device, keys, from, to, limit, after }) {
      const budget = new ReadBudget()
      const all = chosen(device, keys)
      const pageRows = Math.max(MIN_MERGE_PAGE_ROWS, Math.ceil((limit + 1) / Math.max(1, all.length)))
      const heads: Head[] = []
      for (const { id, key } of all) {
        const start = after === undefined ? from : Math.max(from, key <= after.key ? after.at + 1 : after.at)
        const source = rows.distinct(budget, id, start, to, pageRows)
        const head: Head = { key, source, row: undefined }
        yield* advance(head)
        if (head.row) heads.push(head)
      }
      const points = emptyColumns()
      while (heads.some((head) => head.row !== undefined)) {
        // All that share the smallest time, in the order of their keys.
        let at = Infinity
        for (const { row } of heads) if (row && row.at < at) at = row.at
        for (const [name, head] of heads.entries()) {
          if (head.row?.at !== at) continue
          if (points.at.length === limit) return { keys: heads.map((each) => each.key), points, more: true }
          push(points, name, head.row)
          yield* advance(head)
        }
      }
      return { keys: heads.map((head) => head.key), points, more: false }
    },
  }
}

interface Head {
  key: string
  source: Generator<HotRow | Turn, void>
  /** The next point; undefined at the end. */
  row: HotRow | undefined
}

function* advance(head: Head): Steps<void> {
  for (;;) {
    const next = head.source.next()
    if (next.done) {
      head.row = undefined
      return
    }
    if (next.value !== PAUSE) {
      head.row = next.value
      return
    }
    yield PAUSE
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

function toSeries(row: unknown): Series {
  if (Array.isArray(row)) {
    const [id, key]: unknown[] = row
    if (typeof id === 'number' && typeof key === 'string') return { id, key }
  }
  throw new StoreCorrupt('a row of the series has a wrong form')
}
