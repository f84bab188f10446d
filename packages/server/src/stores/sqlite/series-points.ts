import type { Summary } from '@patchbay/core/telemetry/codec/summary'
import type { HotIndex } from './hot-index.ts'
import { PAUSE, type HotRow, type Turn } from './hot-rows.ts'
import type { ReadBudget } from './read-budget.ts'
import type { ChunkPlace, SealedChunks } from './sealed-chunks.ts'

/** What a chunk costs, in rows, whose points are not looked at. */
const SUMMARY_ROWS = 4

/** Points in order of time, or a whole chunk of the series by its summary. */
export type Stretch = { rows: HotRow[] } | { summary: Summary }

export interface SeriesPlace {
  device: string
  series: number
  /** Whose chunks to look into; undefined when nothing of the device was sealed. */
  owner: number | undefined
}

export interface SeriesPoints {
  /**
   * The points of a series in [from, to), some `pageRows` at a time, hot and sealed. Of several with the same time only the one that
   * was committed last. Chunks that `whole` accepts, and into which nothing else falls, come as their summaries.
   */
  stretches(
    budget: ReadBudget,
    place: SeriesPlace,
    from: number,
    to: number,
    pageRows: number,
    whole?: (summary: Summary) => boolean,
  ): Generator<Stretch | Turn, void>
}

interface Taken {
  id: number
  summary: Summary
  whole: boolean
}

export function createSeriesPoints(hotIndex: HotIndex, chunks: SealedChunks): SeriesPoints {
  /** Chunks from `cursor` on up to `end` or until they hold enough; the answer's end is where they are complete. */
  function take(
    places: ChunkPlace[],
    series: number,
    cursor: number,
    end: number,
    enough: number,
    whole: (summary: Summary) => boolean,
  ): { taken: Taken[]; end: number; cost: number } {
    const taken: Taken[] = []
    let cost = 0
    for (const { id, from } of places) {
      if (from >= end) break
      if (cost >= enough && from > cursor) return { taken, end: from, cost }
      const summary = chunks.summary(id, series)
      if (!summary || summary.firstAt >= end || summary.lastAt < cursor) continue
      const wanted = summary.firstAt >= cursor && whole(summary)
      taken.push({ id, summary, whole: wanted })
      cost += wanted ? SUMMARY_ROWS : summary.count
    }
    return { taken, end, cost }
  }

  return {
    *stretches(budget, { device, series, owner }, from, to, pageRows, whole = () => false) {
      let cursor = from
      let limit = pageRows
      while (cursor < to) {
        const hot = rowsIn(hotIndex.rows(device, series), cursor, to, limit)
        // More rows may have the time of the last one.
        const hotEnd = hot.length < limit ? to : (hot.at(-1)?.at ?? to)
        if (hotEnd <= cursor) {
          limit *= 2
          continue
        }
        const places = owner === undefined ? [] : chunks.places(owner, cursor, hotEnd)
        const { taken, end, cost } = take(places, series, cursor, hotEnd, limit, whole)
        budget.spend(hot.length + cost + 1)
        const hotInside = hot.filter(({ at }) => at < end)
        const rows = [...hotInside]
        const summaries: Summary[] = []
        markWhole(taken, hotInside, end)
        for (const each of taken) {
          if (each.whole) summaries.push(each.summary)
          else for (const row of chunks.rows(each.id, series, cursor, end)) rows.push(row)
        }
        yield* inOrder(rows, summaries, taken.length > 0)
        cursor = end
        if (cursor < to && budget.turnOver()) yield PAUSE
      }
    },
  }
}

/** The first `most` of the rows in [from, to). */
function rowsIn(rows: readonly HotRow[], from: number, to: number, most: number): readonly HotRow[] {
  const begin = placeOf(rows, from)
  const end = Math.min(placeOf(rows, to), begin + most)
  return begin === 0 && end === rows.length ? rows : rows.slice(begin, end)
}

/** The place of the first row at that time or later. */
function placeOf(rows: readonly HotRow[], at: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.at ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Leaves a chunk whole only when it ends before `end` and no other chunk or hot row falls into its time. */
function markWhole(taken: Taken[], hot: readonly HotRow[], end: number): void {
  taken.sort((a, b) => a.summary.firstAt - b.summary.firstAt)
  let reach: Taken | undefined
  let next = 0
  for (const each of taken) {
    const { firstAt, lastAt } = each.summary
    while (next < hot.length && (hot[next]?.at ?? 0) < firstAt) next += 1
    if (lastAt >= end || (hot[next]?.at ?? Infinity) <= lastAt) each.whole = false
    if (reach && reach.summary.lastAt >= firstAt) {
      reach.whole = false
      each.whole = false
    }
    if (!reach || lastAt > reach.summary.lastAt) reach = each
  }
}

function* inOrder(rows: HotRow[], summaries: Summary[], sort: boolean): Generator<Stretch, void> {
  if (sort && !isAscending(rows)) rows.sort((a, b) => a.at - b.at || a.seq - b.seq)
  const repeats = rows.some((row, i) => rows[i + 1]?.at === row.at)
  const distinct = repeats ? rows.filter((row, i) => rows[i + 1]?.at !== row.at) : rows
  let next = 0
  for (const summary of summaries) {
    const begin = next
    while (next < distinct.length && (distinct[next]?.at ?? 0) < summary.firstAt) next += 1
    if (next > begin) yield { rows: distinct.slice(begin, next) }
    yield { summary }
  }
  if (next < distinct.length) yield { rows: next === 0 ? distinct : distinct.slice(next) }
}

function isAscending(rows: readonly HotRow[]): boolean {
  let before: HotRow | undefined
  for (const row of rows) {
    if (before && (row.at < before.at || (row.at === before.at && row.seq < before.seq))) return false
    before = row
  }
  return true
}
