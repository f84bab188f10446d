import type { Expr, Select } from './ast.ts'
import { aggregateRows } from './aggregate-rows.ts'
import type { Budget } from './budget.ts'
import type { Catalogue } from './catalogue.ts'
import { callsOf, checkColumns, toColumns } from './columns.ts'
import { fieldsOf, type Group, type Member, type OutRow, toMembers } from './group.ts'
import { toMatcher } from './pattern.ts'
import { rawRows } from './raw-rows.ts'
import { byText, type Measurement } from './series.ts'
import { toInnerMeasurements } from './subquery.ts'
import { holdsForTags } from './tag-condition.ts'
import { splitWhere, type TimeRange } from './time-range.ts'

/** One series of an answer. */
export interface Block {
  name: string
  tags?: readonly (readonly [name: string, value: string])[]
  columns: readonly string[]
  /** In pages; at least one row in all. */
  pages: AsyncIterable<readonly OutRow[]>
}

export interface SelectContext {
  catalogue: Catalogue
  budget: Budget
  nowMicros: number
  deviceTag: string
  /** Of the query around this one. */
  range?: TimeRange
}

/** The series of an answer, one after another: the pages of one must be taken before the next one is asked for. */
export async function* runSelect(select: Select, context: SelectContext): AsyncGenerator<Block> {
  const { budget, nowMicros } = context
  checkColumns(select.columns, select.interval)
  const { range: own, rest } = splitWhere(select.where, nowMicros)
  const range = { ...context.range, ...own }
  let skip = select.soffset ?? 0
  let left = select.slimit === undefined || select.slimit === 0 ? Infinity : select.slimit
  for (const measurement of await measurementsOf(select, rest, { ...context, range })) {
    for (const { tags, members } of groupsOf(select, measurement, toMembers(measurement, rest))) {
      budget.series(members.length)
      const grouped = new Set(tags.map(([name]) => name))
      const columns = toColumns(select.columns, measurement, grouped)
      const exprs = columns.map(({ expr }) => expr)
      if (columns.length === 0 || !hasField(exprs, measurement)) continue
      const group: Group = { select, measurement, members, columns, range, nowMicros, budget }
      const pages = callsOf(exprs).leaves.length > 0 ? once(group) : rawRows(group)
      const limited = cut(pages, select)
      const first = await limited.next()
      if (first.done === true) continue
      if (skip-- > 0) continue
      yield {
        name: measurement.name,
        ...(tags.length > 0 ? { tags } : {}),
        columns: ['time', ...columns.map(({ name }) => name)],
        pages: after(first.value, limited),
      }
      if (--left <= 0) return
    }
  }
}

/** A name that is no tag and no known field has no values; tags alone are no points. */
const hasField = (exprs: readonly Expr[], { fieldNames }: Measurement): boolean => {
  const measurement = { fieldNames, isTag: (name: string) => !fieldNames.includes(name) }
  return fieldsOf(exprs, { ...measurement, name: '', series: [], tagNames: [] }).length > 0
}

async function measurementsOf(select: Select, rest: Expr | undefined, context: SelectContext): Promise<Measurement[]> {
  const { catalogue, deviceTag } = context
  const mayBe = (device: string): boolean =>
    !rest || holdsForTags(rest, (name) => (name === deviceTag ? device : undefined)) !== false
  const stored = select.from.filter(({ kind }) => kind !== 'query')
  const found = stored.length > 0 ? await catalogue.measurements(stored, mayBe) : []
  for (const each of select.from)
    if (each.kind === 'query') found.push(...(await toInnerMeasurements(runSelect(each.select, context))))
  return found
}

interface TagGroup {
  tags: [name: string, value: string][]
  members: Member[]
}

function groupsOf(select: Select, { tagNames }: Measurement, members: readonly Member[]): TagGroup[] {
  const names = select.groupBy.flatMap((each): string[] => {
    if (each.kind === 'wildcard') return [...tagNames]
    if (each.kind === 'pattern') return tagNames.filter(toMatcher(each.pattern))
    return each.kind === 'var' ? [each.name] : []
  })
  const sorted = [...new Set(names)].toSorted(byText)
  const groups = new Map<string, TagGroup>()
  for (const member of members) {
    const tags = sorted.map((name): [string, string] => [name, member.series.tag(name)])
    const id = JSON.stringify(tags)
    const group = groups.get(id) ?? { tags, members: [] }
    groups.set(id, group)
    group.members.push(member)
  }
  const sortedGroups = [...groups.values()].toSorted((a, b) => {
    for (const [index, [, value]] of a.tags.entries()) {
      const order = byText(value, b.tags[index]?.[1] ?? '')
      if (order !== 0) return order
    }
    return 0
  })
  return select.descending ? sortedGroups.toReversed() : sortedGroups
}

async function* once(group: Group): AsyncGenerator<readonly OutRow[]> {
  yield await aggregateRows(group)
}

/** LIMIT and OFFSET; empty pages are left out. */
async function* cut(
  pages: AsyncIterable<readonly OutRow[]>,
  { limit, offset }: Select,
): AsyncGenerator<readonly OutRow[]> {
  let skip = offset ?? 0
  let left = limit === undefined || limit === 0 ? Infinity : limit
  for await (const page of pages) {
    const rows = page.slice(skip, left === Infinity ? undefined : skip + left)
    skip = Math.max(0, skip - page.length)
    left -= rows.length
    if (rows.length > 0) yield rows
    if (left <= 0) return
  }
}

async function* after(
  first: readonly OutRow[],
  rest: AsyncIterable<readonly OutRow[]>,
): AsyncGenerator<readonly OutRow[]> {
  yield first
  yield* rest
}
