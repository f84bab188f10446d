import type { Column, Expr } from './ast.ts'
import { visit } from './evaluate.ts'
import { StatementError } from './failures.ts'
import { aggregates, selectors, transforms } from './functions.ts'
import { queryLimits } from './limits.ts'
import { mathFunctions } from './math-functions.ts'
import { toMatcher } from './pattern.ts'
import { byText, type Measurement, typeOf } from './series.ts'

export interface NamedColumn {
  name: string
  expr: Expr
}

const numbersOnly = new Set([
  'mean',
  'sum',
  'median',
  'percentile',
  'spread',
  'stddev',
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
  'moving_average',
  'cumulative_sum',
])

function nameOf(expr: Expr): string {
  switch (expr.kind) {
    case 'var':
      return expr.name
    case 'call':
      return expr.name
    case 'binary':
      return [nameOf(expr.left), nameOf(expr.right)].filter((each) => each !== '').join('_')
    default:
      return ''
  }
}

/** Wildcards and patterns of a measurement: the names they stand for. */
function namesFor(
  expr: Expr,
  { fieldNames, tagNames }: Measurement,
  grouped: ReadonlySet<string>,
): string[] | undefined {
  if (expr.kind !== 'wildcard' && expr.kind !== 'pattern') return undefined
  const of = expr.kind === 'wildcard' ? expr.of : undefined
  const tags = of === 'field' ? [] : tagNames.filter((name) => !grouped.has(name))
  const all = [...(of === 'tag' ? [] : fieldNames), ...tags].toSorted(byText)
  return expr.kind === 'pattern' ? all.filter(toMatcher(expr.pattern)) : all
}

const variable = (name: string): Expr => ({ kind: 'var', name })

function expandCall(expr: Expr & { kind: 'call' }, measurement: Measurement): NamedColumn[] | undefined {
  const [first, ...more] = expr.args
  if (!first) return undefined
  if (first.kind === 'call') {
    const inner = expandCall(first, measurement)
    return inner?.map((each) => ({
      name: `${expr.name}_${each.name.slice(first.name.length + 1)}`,
      expr: { ...expr, args: [each.expr, ...more] },
    }))
  }
  if (first.kind !== 'wildcard' && first.kind !== 'pattern') return undefined
  const test = first.kind === 'pattern' ? toMatcher(first.pattern) : () => true
  return measurement.fieldNames
    .filter((name) => test(name) && (!numbersOnly.has(expr.name) || typeOf(measurement.series, name) === 'float'))
    .map((name) => ({ name: `${expr.name}_${name}`, expr: { ...expr, args: [variable(name), ...more] } }))
}

/** The columns of a measurement by the names that InfluxDB gives them. */
export function toColumns(
  columns: readonly Column[],
  measurement: Measurement,
  grouped: ReadonlySet<string>,
): NamedColumn[] {
  const expanded = columns.flatMap(({ expr, alias }): NamedColumn[] => {
    const names = namesFor(expr, measurement, grouped)
    if (names) return names.map((name) => ({ name, expr: variable(name) }))
    const calls = expr.kind === 'call' ? expandCall(expr, measurement) : undefined
    if (calls)
      return calls.map((each) =>
        alias === undefined ? each : { ...each, name: `${alias}_${each.name.slice(nameOf(expr).length + 1)}` },
      )
    return [{ name: alias ?? nameOf(expr), expr }]
  })
  const real = expanded.filter(({ expr }) => expr.kind !== 'var' || expr.name.toLowerCase() !== 'time')
  if (real.length > queryLimits.columns) throw new StatementError(`more than ${queryLimits.columns} columns`)
  const used = new Map<string, number>()
  return real.map(({ name, expr }) => {
    const times = used.get(name) ?? 0
    used.set(name, times + 1)
    return { name: times === 0 ? name : `${name}_${times}`, expr }
  })
}

export interface Calls {
  /** Aggregates and transformations, each once. */
  leaves: (Expr & { kind: 'call' })[]
  /** Names outside of them. */
  variables: (Expr & { kind: 'var' })[]
}

/** Looks at what is asked for, before anything is read. */
export function checkColumns(columns: readonly Column[], interval: number | undefined): void {
  let hasCall = false
  let hasVariable = false
  for (const { expr } of columns) {
    const { leaves, variables } = callsOf([expr])
    let isVariable = variables.length > 0
    visit(expr, (each) => (isVariable ||= leaves.length === 0 && (each.kind === 'wildcard' || each.kind === 'pattern')))
    if (leaves.length === 0 && !isVariable) throw new StatementError('field must contain at least one variable')
    hasCall ||= leaves.length > 0
    hasVariable ||= isVariable
    for (const leaf of leaves) checkLeaf(leaf, interval)
  }
  const calls = callsOf(columns.map(({ expr }) => expr)).leaves
  const isSelector = calls.length === 1 && selectors.has(calls[0]?.name ?? '')
  if (hasCall && hasVariable && !isSelector)
    throw new StatementError('mixing aggregate and non-aggregate queries is not supported')
  if (!hasCall && interval !== undefined) throw new StatementError('GROUP BY requires at least one aggregate function')
}

const argumentCounts: Readonly<Record<string, readonly [least: number, most: number]>> = {
  percentile: [2, 2],
  derivative: [1, 2],
  non_negative_derivative: [1, 2],
  elapsed: [1, 2],
  moving_average: [2, 2],
}

function checkLeaf({ name, args }: Expr & { kind: 'call' }, interval: number | undefined): void {
  const [least, most] = argumentCounts[name] ?? [1, 1]
  if (args.length < least || args.length > most) {
    const wanted = least === most ? `${least}` : `at least ${least} but no more than ${most}`
    throw new StatementError(`invalid number of arguments for ${name}, expected ${wanted}, got ${args.length}`)
  }
  const [first] = args
  if (first?.kind === 'call') {
    if (!transforms.has(name) || !aggregates.has(first.name))
      throw new StatementError(`expected field argument in ${name}()`)
    checkLeaf(first, interval)
    if (interval === undefined) throw new StatementError(`${name} aggregate requires a GROUP BY interval`)
  } else if (first?.kind !== 'var' && first?.kind !== 'wildcard' && first?.kind !== 'pattern')
    throw new StatementError(`expected field argument in ${name}()`)
  else if (transforms.has(name) && interval !== undefined)
    throw new StatementError(`aggregate function required inside the call to ${name}`)
}

/** What an expression asks the group for. Throws for a function that does not exist. */
export function callsOf(exprs: readonly Expr[]): Calls {
  const leaves = new Map<string, Expr & { kind: 'call' }>()
  const variables: Calls['variables'] = []
  const walk = (expr: Expr): void => {
    if (expr.kind === 'var') variables.push(expr)
    else if (expr.kind === 'binary') {
      walk(expr.left)
      walk(expr.right)
    } else if (expr.kind === 'call') {
      if (aggregates.has(expr.name) || transforms.has(expr.name)) leaves.set(JSON.stringify(expr), expr)
      else if (mathFunctions.has(expr.name)) for (const each of expr.args) walk(each)
      else throw new StatementError(`undefined function ${expr.name}()`)
    }
  }
  for (const expr of exprs) walk(expr)
  return { leaves: [...leaves.values()], variables }
}

/** An aggregate that cannot be made of the field's type, as InfluxDB says it. */
export function assertType({ name, args }: Expr & { kind: 'call' }, measurement: Measurement): void {
  const [first] = args
  if (first?.kind === 'call') assertType(first, measurement)
  if (first?.kind !== 'var' || !numbersOnly.has(name)) return
  const type = typeOf(measurement.series, first.name)
  if (type && type !== 'float')
    throw new StatementError(`unsupported ${name} iterator type: *query.${type}InterruptIterator`)
}
