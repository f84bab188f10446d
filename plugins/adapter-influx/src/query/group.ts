import type { Expr, Select } from './ast.ts'
import type { Budget } from './budget.ts'
import type { NamedColumn } from './columns.ts'
import { evaluate, type Value } from './evaluate.ts'
import type { Measurement, Row, Series, Span } from './series.ts'
import { holdsForTags } from './tag-condition.ts'
import type { TimeRange } from './time-range.ts'

/** A series of a group and what each of its rows must satisfy. */
export interface Member {
  series: Series
  condition?: Expr
}

/** The series that are looked at together, and what is asked of them. */
export interface Group {
  select: Select
  measurement: Measurement
  members: readonly Member[]
  columns: readonly NamedColumn[]
  range: TimeRange
  nowMicros: number
  budget: Budget
}

export interface OutRow {
  at: number
  values: Value[]
}

/** Whether a name in this measurement means a tag. */
export const meansTag = (measurement: Measurement, name: string, as: string | undefined): boolean =>
  as === 'tag' || (as === undefined && measurement.isTag(name))

/** In a condition a name that nobody knows is a tag that is not there. */
const meansTagInCondition = (measurement: Measurement, name: string, as: string | undefined): boolean =>
  meansTag(measurement, name, as) || (as === undefined && !measurement.fieldNames.includes(name))

/** The series that can satisfy a condition. */
export function toMembers(measurement: Measurement, condition: Expr | undefined): Member[] {
  return measurement.series.flatMap((series): Member[] => {
    if (!condition) return [{ series }]
    const holds = holdsForTags(condition, (name, as) =>
      meansTagInCondition(measurement, name, as) ? series.tag(name) : undefined,
    )
    if (holds === false) return []
    return holds === undefined ? [{ series, condition }] : [{ series }]
  })
}

/** Reads the value of a name in a row of a series. `fields` is the order of the row's values. */
export const readerOf =
  (measurement: Measurement, fields: readonly string[]) =>
  (series: Series, values: readonly Value[]) =>
  (name: string, as: string | undefined): Value => {
    if (meansTag(measurement, name, as)) return series.tag(name) || null
    const place = fields.indexOf(name)
    const value = place < 0 ? null : (values[place] ?? null)
    return as === undefined || as === 'field' || value === null || isOf(value, as) ? value : null
  }

const isOf = (value: Value, as: string): boolean =>
  as === 'string'
    ? typeof value === 'string'
    : as === 'boolean'
      ? typeof value === 'boolean'
      : typeof value === 'number'

/** The rows of one member that satisfy its condition. */
export async function* rowsOf(
  { series, condition }: Member,
  measurement: Measurement,
  fields: readonly string[],
  span: Span,
): AsyncGenerator<readonly Row[]> {
  const read = readerOf(measurement, fields)
  for await (const page of series.rows(fields, span)) {
    if (!condition) yield page
    else
      yield page.filter(({ values }) => {
        // A tag that is not there is an empty text in a condition.
        const of = read(series, values)
        const variable = (name: string, as: string | undefined): Value =>
          meansTagInCondition(measurement, name, as) ? series.tag(name) : of(name, as)
        return evaluate(condition, { variable }) === true
      })
  }
}

/** The time that is read: as far as the newest point where the query names no end. */
export function spanOf({ range, members }: Pick<Group, 'range' | 'members'>): Span {
  const newest = members.reduce((most, { series }) => Math.max(most, series.newest), 0)
  return { from: range.from ?? 0, to: range.to ?? newest + 1 }
}

/** Names of fields in expressions, each once. */
export function fieldsOf(exprs: readonly Expr[], measurement: Measurement): string[] {
  const found = new Set<string>()
  const walk = (expr: Expr): void => {
    if (expr.kind === 'var' && !meansTag(measurement, expr.name, expr.as)) found.add(expr.name)
    else if (expr.kind === 'binary') {
      walk(expr.left)
      walk(expr.right)
    } else if (expr.kind === 'call') for (const each of expr.args) walk(each)
  }
  for (const expr of exprs) walk(expr)
  return [...found]
}
