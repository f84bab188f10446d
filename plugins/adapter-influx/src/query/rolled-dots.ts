import { bucketOf, type Grid } from './buckets.ts'
import type { Dot } from './functions.ts'
import type { Member } from './group.ts'
import { queryLimits } from './limits.ts'
import type { RolledName, Series, Span } from './series.ts'

type Buckets = Map<number, Dot['value']>

const plain: Readonly<Record<string, RolledName>> = {
  sum: 'sum',
  count: 'count',
  min: 'min',
  max: 'max',
  first: 'first',
  last: 'last',
}

/** How two series' values of one bucket become one; the others cannot be joined without their times. */
const joined: Readonly<Partial<Record<RolledName, (a: number, b: number) => number>>> = {
  sum: (a, b) => a + b,
  count: (a, b) => a + b,
  min: Math.min,
  max: Math.max,
}

/** One series' values by bucket; the first bucket may begin before the span does. */
async function bucketsOf(
  series: Series,
  field: string,
  span: Span,
  grid: Grid | undefined,
  name: RolledName,
): Promise<Buckets | undefined> {
  const made: Buckets = new Map()
  if (!grid) {
    const whole = await series.rolled?.(field, span, span.to - span.from, name)
    if (!whole) return undefined
    for (const { value } of whole) made.set(0, value)
    return made
  }
  const start = bucketOf(span.from, grid)
  const second = Math.min(start + grid.interval, span.to)
  const begin = start < span.from ? second : start
  if (start < span.from) {
    const head = await series.rolled?.(field, { from: span.from, to: second }, grid.interval, name)
    if (!head) return undefined
    for (const { value } of head) made.set(start, value)
  }
  if (begin < span.to) {
    const rest = await series.rolled?.(field, { from: begin, to: span.to }, grid.interval, name)
    if (!rest) return undefined
    for (const { at, value } of rest) made.set(at, value)
  }
  return made
}

/** The values of all series by bucket; undefined when the store's own aggregates cannot answer. */
async function joinedBuckets(
  series: readonly Series[],
  field: string,
  span: Span,
  grid: Grid | undefined,
  name: RolledName,
): Promise<Buckets | undefined> {
  const join = joined[name]
  if (series.length > 1 && !join) return undefined
  const all: Buckets = new Map()
  for (let start = 0; start < series.length; start += queryLimits.reads) {
    const some = series.slice(start, start + queryLimits.reads)
    for (const buckets of await Promise.all(some.map((each) => bucketsOf(each, field, span, grid, name)))) {
      if (!buckets) return undefined
      for (const [at, value] of buckets) {
        const before = all.get(at)
        if (before === undefined) all.set(at, value)
        else if (join && typeof before === 'number' && typeof value === 'number') all.set(at, join(before, value))
        else return undefined
      }
    }
  }
  return all
}

/** An aggregate from what the store has rolled up; undefined when the points themselves are needed. */
export async function rolledDots(
  members: readonly Member[],
  { name, field }: { name: string; field: string },
  span: Span,
  grid: Grid | undefined,
): Promise<Dot[] | undefined> {
  if (members.some(({ series, condition }) => condition !== undefined || !series.rolled)) return undefined
  if (!Number.isSafeInteger(grid?.interval ?? 1) || !Number.isSafeInteger(grid?.offset ?? 0) || span.from >= span.to)
    return undefined
  const series = members.flatMap((each) => (each.series.fields.has(field) ? [each.series] : []))
  let buckets: Buckets | undefined
  if (name === 'mean' && series.length > 1) {
    const [sums, counts] = await Promise.all([
      joinedBuckets(series, field, span, grid, 'sum'),
      joinedBuckets(series, field, span, grid, 'count'),
    ])
    buckets = sums && counts && new Map([...sums].map(([at, sum]) => [at, Number(sum) / Number(counts.get(at))]))
  } else {
    const rolled = name === 'mean' ? 'avg' : plain[name]
    buckets = rolled && (await joinedBuckets(series, field, span, grid, rolled))
  }
  return buckets && [...buckets].map(([at, value]) => ({ at, value })).toSorted((a, b) => a.at - b.at)
}
