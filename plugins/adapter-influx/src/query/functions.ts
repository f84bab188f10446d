import type { Value } from './evaluate.ts'
import type { Series } from './series.ts'

/** One value of a group and when it was. */
export interface Dot {
  at: number
  value: Value
  /** Of a selector: what stood beside the value. */
  row?: Place
}

/** A row and the series that it is of. */
export interface Place {
  series: Series
  values: readonly Value[]
}

/** Collects the values of one bucket. */
export interface Fold {
  add(at: number, value: Value, row: Place): void
  /** undefined = nothing to be said of these values. */
  result(): Dot | undefined
}

const onlyNumbers =
  (take: (value: number, at: number, row: Place) => void): Fold['add'] =>
  (at, value, row) => {
    if (typeof value === 'number') take(value, at, row)
  }

function collected(result: (values: number[]) => number | undefined): () => Fold {
  return () => {
    const values: number[] = []
    return {
      add: onlyNumbers((value) => values.push(value)),
      result() {
        const value = values.length === 0 ? undefined : result(values)
        return value === undefined ? undefined : { at: 0, value: Number.isFinite(value) ? value : null }
      },
    }
  }
}

function summed(result: (all: number, count: number) => number): () => Fold {
  return () => {
    let all = 0
    let count = 0
    return {
      add: onlyNumbers((value) => {
        all += value
        count++
      }),
      result: () => (count === 0 ? undefined : { at: 0, value: result(all, count) }),
    }
  }
}

/** The point that stays: the first one that no other beats. */
function selected(beats: (other: Dot, held: Dot) => boolean): () => Fold {
  return () => {
    let held: Dot | undefined
    return {
      add(at, value, row) {
        if (value === null) return
        const other = { at, value, row }
        if (!held || beats(other, held)) held = other
      },
      result: () => held,
    }
  }
}

const isMore = (a: Value, b: Value): boolean => a !== null && b !== null && typeof a === typeof b && a > b
const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)

const larger = (a: number, b: number): number => Math.max(a, b)
const smaller = (a: number, b: number): number => Math.min(a, b)

function median(values: number[]): number {
  const sorted = ascending(values)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

function stddev(values: number[]): number {
  const mean = sum(values) / values.length
  return Math.sqrt(values.reduce((all, value) => all + (value - mean) ** 2, 0) / (values.length - 1))
}

/** The smallest value that so many per cent of all lie at or below: a point that is there. */
export function createPercentile(percent: number): Fold {
  const dots: (Dot & { value: number })[] = []
  return {
    add: onlyNumbers((value, at, row) => dots.push({ at, value, row })),
    result() {
      const index = Math.floor((dots.length * percent) / 100 + 0.5) - 1
      return dots.toSorted((a, b) => a.value - b.value || a.at - b.at)[index]
    },
  }
}

function createCount(): Fold {
  let count = 0
  return {
    add(_at, value) {
      if (value !== null) count++
    },
    result: () => (count === 0 ? undefined : { at: 0, value: count }),
  }
}

/** What makes one value of many. `distinct` makes several and stands elsewhere. */
export const aggregates: ReadonlyMap<string, () => Fold> = new Map<string, () => Fold>([
  ['mean', summed((all, count) => all / count)],
  ['sum', summed((all) => all)],
  ['count', createCount],
  ['min', selected((other, held) => isMore(held.value, other.value))],
  ['max', selected((other, held) => isMore(other.value, held.value))],
  ['first', selected((other, held) => other.at < held.at)],
  ['last', selected((other, held) => other.at > held.at || (other.at === held.at && isMore(other.value, held.value)))],
  ['percentile', () => createPercentile(0)],
  ['median', collected(median)],
  ['spread', collected((values) => values.reduce(larger, -Infinity) - values.reduce(smaller, Infinity))],
  ['stddev', collected(stddev)],
])

/** Those whose value is one of the points, so that its time and its other fields can be asked for. */
export const selectors: ReadonlySet<string> = new Set(['min', 'max', 'first', 'last', 'percentile'])

/** Made of a sequence of values: each of one value and those before it. `unit` in µs. */
export type Transform = (dots: readonly Dot[], argument: number) => Dot[]

const pairwise =
  (make: (value: number, before: number, micros: number, unit: number) => number | undefined): Transform =>
  (dots, unit) => {
    const made: Dot[] = []
    let before: { at: number; value: number } | undefined
    for (const { at, value } of dots) {
      if (typeof value !== 'number') continue
      // Of several values at one time the first one counts.
      if (before && at !== before.at) {
        const result = make(value, before.value, at - before.at, unit)
        if (result !== undefined) made.push({ at, value: result })
      }
      if (!before || at !== before.at) before = { at, value }
    }
    return made
  }

const positive = (value: number): number | undefined => (value < 0 ? undefined : value)
const slope = (value: number, before: number, micros: number, unit: number): number =>
  (value - before) / (Math.abs(micros) / unit)

const movingAverage: Transform = (dots, count) => {
  const numbers = dots.filter((dot): dot is { at: number; value: number } => typeof dot.value === 'number')
  return numbers.flatMap(({ at }, index) =>
    index + 1 < count
      ? []
      : [{ at, value: sum(numbers.slice(index + 1 - count, index + 1).map(({ value }) => value)) / count }],
  )
}

const cumulativeSum: Transform = (dots) => {
  let all = 0
  return dots.flatMap(({ at, value }) => (typeof value === 'number' ? [{ at, value: (all += value) }] : []))
}

export const transforms: ReadonlyMap<string, Transform> = new Map<string, Transform>([
  ['derivative', pairwise(slope)],
  ['non_negative_derivative', pairwise((...of) => positive(slope(...of)))],
  ['difference', pairwise((value, before) => value - before)],
  ['non_negative_difference', pairwise((value, before) => positive(value - before))],
  ['elapsed', pairwise((_value, _before, micros, unit) => Math.trunc(micros / unit))],
  ['moving_average', movingAverage],
  ['cumulative_sum', cumulativeSum],
])
/** Those that look back, so that values before the asked time are read for the first one. */
export const lookBack: ReadonlySet<string> = new Set([
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
])
