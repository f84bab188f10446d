import type { Grid } from './buckets.ts'
import { assertType, callsOf } from './columns.ts'
import { evaluate, type Value } from './evaluate.ts'
import { type Dot, selectors } from './functions.ts'
import { fieldsOf, type Group, type OutRow, readerOf } from './group.ts'
import { leafDots } from './leaf-dots.ts'

/** Rows of a group whose columns are aggregates: one a bucket, or one for all. */
export async function aggregateRows(group: Group): Promise<OutRow[]> {
  const { select, columns, measurement, range } = group
  const { leaves, variables } = callsOf(columns.map(({ expr }) => expr))
  for (const leaf of leaves) assertType(leaf, measurement)
  const grid: Grid | undefined =
    select.interval === undefined ? undefined : { interval: select.interval, offset: select.intervalOffset }
  const isPoint = leaves.length === 1 && selectors.has(leaves[0]?.name ?? '')
  const beside = fieldsOf(variables, measurement)
  const ask = { group, grid, beside, wantsPoint: isPoint && (!grid || variables.length > 0) }

  const dotsOf = new Map<string, Map<number, Dot>>()
  const times = new Set<number>()
  for (const leaf of leaves) {
    const dots = await leafDots(leaf, ask)
    const isTimed = grid !== undefined || isPoint || isSequence(leaf.name)
    // Without buckets an aggregate of all stands at the beginning of the time that was asked for.
    const placed = dots.map((dot) => (isTimed ? dot : { ...dot, at: range.from ?? 0 }))
    dotsOf.set(JSON.stringify(leaf), new Map(placed.map((dot) => [dot.at, dot])))
    for (const { at } of placed) times.add(at)
  }
  const only = isPoint ? dotsOf.get(JSON.stringify(leaves[0])) : undefined
  const firstField = fieldNameOf(leaves[0])
  const read = readerOf(measurement, [...new Set([firstField, ...beside])])
  const rows = [...times]
    .toSorted((a, b) => a - b)
    .map((at): OutRow => {
      const row = only?.get(at)?.row
      const variable = row ? read(row.series, row.values) : (): Value => null
      const call = (expr: Parameters<typeof JSON.stringify>[0]): Value =>
        dotsOf.get(JSON.stringify(expr))?.get(at)?.value ?? null
      return { at, values: columns.map(({ expr }) => evaluate(expr, { variable, call })) }
    })
  return select.descending ? rows.toReversed() : rows
}

const sequences = new Set([
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
  'elapsed',
  'moving_average',
  'cumulative_sum',
])
const isSequence = (name: string): boolean => sequences.has(name)

const fieldNameOf = (leaf: { args: readonly { kind: string }[] } | undefined): string => {
  const first = leaf?.args[0]
  return first && 'name' in first && typeof first.name === 'string' ? first.name : ''
}
