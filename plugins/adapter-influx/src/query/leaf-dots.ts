import type { Expr, Fill } from './ast.ts'
import { bucketOf, fillBuckets, type Grid } from './buckets.ts'
import { StatementError } from './failures.ts'
import { aggregates, createPercentile, type Dot, type Fold, lookBack, selectors, transforms } from './functions.ts'
import { fieldsOf, type Group, rowsOf, spanOf } from './group.ts'
import { rolledDots } from './rolled-dots.ts'
import type { Span } from './series.ts'

type Call = Expr & { kind: 'call' }

export interface LeafAsk {
  group: Group
  grid: Grid | undefined
  /** What is asked of the chosen point besides its value. */
  beside: readonly string[]
  /** The time of the chosen point is wanted, or what stands beside it. */
  wantsPoint: boolean
}

const numberOf = (expr: Expr | undefined, what: string): number => {
  if (expr?.kind === 'literal' && typeof expr.value === 'number') return expr.value
  throw new StatementError(`expected a number as the second argument of ${what}()`)
}

const foldOf = ({ name, args }: Call): (() => Fold) => {
  if (name === 'percentile') {
    const percent = numberOf(args[1], name)
    return () => createPercentile(percent)
  }
  const fold = aggregates.get(name)
  if (!fold) throw new StatementError(`undefined function ${name}()`)
  return fold
}

/** The oldest point of a group in a time: where its buckets begin when the query does not say. */
async function oldestOf(group: Group, field: string, span: Span): Promise<number | undefined> {
  let oldest: number | undefined
  for (const member of group.members) {
    for await (const page of rowsOf(member, group.measurement, conditionFields(group, [field]), span)) {
      const [first] = page
      if (!first) continue
      oldest = Math.min(oldest ?? Infinity, first.at)
      break
    }
  }
  return oldest
}

const conditionFields = ({ members, measurement }: Group, fields: readonly string[]): string[] => [
  ...new Set([
    ...fields,
    ...fieldsOf(
      members.flatMap(({ condition }) => (condition ? [condition] : [])),
      measurement,
    ),
  ]),
]

/** An aggregate from the points themselves. */
async function foldedDots(call: Call, field: string, span: Span, { group, grid, beside }: LeafAsk): Promise<Dot[]> {
  const create = foldOf(call)
  const fields = conditionFields(group, [field, ...beside])
  const folds = new Map<number, Fold>()
  for (const member of group.members) {
    for await (const page of rowsOf(member, group.measurement, fields, span)) {
      for (const { at, values } of page) {
        const [value = null] = values
        if (value === null) continue
        const bucket = grid ? bucketOf(at, grid) : 0
        let fold = folds.get(bucket)
        if (!fold) folds.set(bucket, (fold = create()))
        fold.add(at, value, { series: member.series, values })
      }
    }
  }
  const isSelector = selectors.has(call.name)
  return [...folds]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([bucket, fold]): Dot[] => {
      const dot = fold.result()
      return dot ? [{ ...dot, at: grid || !isSelector ? bucket : dot.at }] : []
    })
}

/** The newest point of a group from what is known without a read: that of every series must lie in the span. */
function newestDots({ members }: Group, field: string, { from, to }: Span): Dot[] | undefined {
  let newest: Dot | undefined
  for (const { series, condition } of members) {
    if (!series.fields.has(field)) continue
    const last = condition ? undefined : series.last?.(field)
    // One that is newer hides what was the last one then; one that is older counts for nothing.
    if (!last || last.at >= to) return undefined
    if (last.at >= from && (!newest || last.at > newest.at)) newest = last
  }
  return newest ? [newest] : []
}

async function aggregateDots(call: Call, span: Span, ask: LeafAsk): Promise<Dot[]> {
  const { group, grid, wantsPoint } = ask
  const [first] = call.args
  if (first?.kind !== 'var') throw new StatementError(`expected field argument in ${call.name}()`)
  if (call.name === 'last' && !grid && ask.beside.length === 0) {
    const newest = newestDots(group, first.name, span)
    if (newest) return newest
  }
  const isPoint = wantsPoint && selectors.has(call.name)
  const ends = grid && isPoint ? ask.beside.length > 0 : isPoint
  const rolled = ends ? undefined : await rolledDots(group.members, { name: call.name, field: first.name }, span, grid)
  return rolled ?? foldedDots(call, first.name, span, ask)
}

/** The rows of a group in the order of their times, as values of one field. */
async function pointDots(field: string, span: Span, group: Group): Promise<Dot[]> {
  const found: { dot: Dot; place: number }[] = []
  for (const [place, member] of group.members.entries()) {
    for await (const page of rowsOf(member, group.measurement, conditionFields(group, [field]), span)) {
      for (const { at, values } of page) {
        const [value = null] = values
        if (value !== null) found.push({ dot: { at, value }, place })
      }
    }
  }
  if (group.members.length > 1) found.sort((a, b) => a.dot.at - b.dot.at || a.place - b.place)
  return found.map(({ dot }) => dot)
}

const argumentOf = ({ name, args }: Call, interval: number | undefined): number => {
  const [, second] = args
  if (name === 'moving_average') return numberOf(second, name)
  if (second === undefined) return name === 'elapsed' ? 0.001 : (interval ?? 1e6)
  if (second.kind !== 'duration') throw new StatementError(`expected a duration as the second argument of ${name}()`)
  return second.micros
}

/** A grid with its values in order, and holes filled. */
async function filledDots(call: Call, span: Span, ask: LeafAsk & { grid: Grid }, fill: Fill): Promise<Dot[]> {
  const { group, grid } = ask
  const dots = await aggregateDots(call, span, ask)
  const [oldest] = dots
  if (!oldest) return []
  const first = group.range.from === undefined ? oldest.at : bucketOf(span.from, grid)
  const last = bucketOf((group.range.to ?? group.nowMicros + 1) - 1, grid)
  group.budget.buckets(Math.max(0, Math.floor((last - first) / grid.interval) + 1))
  return fillBuckets(dots, grid, { first, last, fill: call.name === 'count' && fill === 'null' ? 0 : fill })
}

/** What one aggregate or transformation says of a group, ascending. */
export async function leafDots(call: Call, ask: LeafAsk): Promise<Dot[]> {
  const { group, grid } = ask
  const { fill } = group.select
  const [first] = call.args
  const transform = transforms.get(call.name)
  let span = spanOf(group)
  if (grid && group.range.from === undefined) {
    const inner = first?.kind === 'call' ? first.args[0] : first
    const oldest = inner?.kind === 'var' ? await oldestOf(group, inner.name, span) : undefined
    if (oldest === undefined) return []
    span = { from: bucketOf(oldest, grid), to: span.to }
  }
  if (grid && group.range.to === undefined) span = { from: span.from, to: Math.min(span.to, group.nowMicros + 1) }
  if (!transform) return grid ? filledDots(call, span, { ...ask, grid }, fill) : aggregateDots(call, span, ask)
  const argument = argumentOf(call, grid?.interval)
  if (first?.kind === 'var') return transform(await pointDots(first.name, span, group), argument)
  if (first?.kind !== 'call' || !grid) throw new StatementError(`expected field argument in ${call.name}()`)
  const begin = bucketOf(span.from, grid)
  const back = group.range.from === undefined ? 0 : backOf(call, argument) * grid.interval
  const dots = await filledDots(
    first,
    { from: span.from - back, to: span.to },
    { ...ask, grid, beside: [], wantsPoint: false },
    fill,
  )
  return transform(dots, argument).filter(({ at }) => at >= begin)
}

const backOf = ({ name }: Call, argument: number): number =>
  lookBack.has(name) ? 1 : name === 'moving_average' ? argument - 1 : 0
