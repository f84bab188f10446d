import type { Clock } from '../clock.ts'
import { ruleLimits } from './limits.ts'

/** Answers by how much the system's clock was set since the last look, µs; 0 = it just runs. Slow corrections are no step. */
export function createClockWatch(clock: Pick<Clock, 'nowMicros' | 'monotonicMs'>): () => number {
  const offset = (): number => clock.nowMicros() - Math.round(clock.monotonicMs() * 1000)
  let known = offset()
  return () => {
    const now = offset()
    const step = now - known
    known = now
    return Math.abs(step) >= ruleLimits.clockStepMicros ? step : 0
  }
}
