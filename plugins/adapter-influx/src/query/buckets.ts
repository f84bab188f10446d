import type { Fill } from './ast.ts'
import type { Dot } from './functions.ts'

/** `GROUP BY time`: buckets begin at multiples of the interval since 1970, moved by the offset. */
export interface Grid {
  interval: number
  offset: number
}

export const bucketOf = (at: number, { interval, offset }: Grid): number =>
  Math.floor((at - offset) / interval) * interval + offset

/** Fills the buckets from `first` to `last` that have no value; `dots` are ascending and lie on the grid. */
export function fillBuckets(
  dots: readonly Dot[],
  { interval }: Grid,
  { first, last, fill }: { first: number; last: number; fill: Fill },
): Dot[] {
  if (fill === 'none' || dots.length === 0) return [...dots]
  const made: Dot[] = []
  let next = 0
  let before: Dot | undefined
  for (let at = first; at <= last; at += interval) {
    const dot = dots[next]
    if (dot && dot.at === at) {
      next++
      made.push(dot)
      if (dot.value !== null) before = dot
      continue
    }
    made.push({ at, value: valueFor(at, fill, before, dots[next]) })
  }
  return made
}

function valueFor(
  at: number,
  fill: Exclude<Fill, 'none'>,
  before: Dot | undefined,
  after: Dot | undefined,
): Dot['value'] {
  if (typeof fill === 'number') return fill
  if (fill === 'previous') return before?.value ?? null
  if (fill === 'null' || typeof before?.value !== 'number' || typeof after?.value !== 'number') return null
  return before.value + ((after.value - before.value) * (at - before.at)) / (after.at - before.at)
}
