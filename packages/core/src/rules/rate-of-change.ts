import { ruleLimits } from './limits.ts'
import type { RuleState } from './rule-state.ts'

/**
 * Whether the value differs by `by` from one that was measured within `perMicros` before. Only values that could still be the least or
 * the greatest of their time are kept: a queue that falls and one that rises.
 */
export function followChange(
  state: Pick<RuleState, 'low' | 'high'>,
  at: number,
  value: number,
  { by, perMicros }: { by: number; perMicros: number },
): boolean {
  const { low, high } = state
  push(low, at, value, (last) => last >= value, at - perMicros)
  push(high, at, value, (last) => last <= value, at - perMicros)
  return value - (low[0]?.[1] ?? value) >= by || (high[0]?.[1] ?? value) - value >= by
}

function push(
  samples: [number, number][],
  at: number,
  value: number,
  isBeaten: (value: number) => boolean,
  oldest: number,
): void {
  for (let last = samples.at(-1); last && isBeaten(last[1]); last = samples.at(-1)) samples.pop()
  samples.push([at, value])
  while ((samples[0]?.[0] ?? at) < oldest) samples.shift()
  // Too many to keep: the one before the last differs least from its neighbours' time.
  if (samples.length > ruleLimits.changeSamples) samples.splice(-2, 1)
}
