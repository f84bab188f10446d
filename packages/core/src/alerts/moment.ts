import type { Clock } from '../clock.ts'

/**
 * Two times. Durations (escalation, flapping) are measured on the steady one, which no change of the system's clock touches; what a
 * person named by the clock (silence, maintenance) follows the clock.
 */
export interface Moment {
  wallMicros: number
  steadyMicros: number
}

/** The steady time begins with the wall's at the start, so that what was written before a restart can be gone on with. */
export function createMoments(clock: Clock): () => Moment {
  const startMicros = clock.nowMicros()
  const startMs = clock.monotonicMs()
  return () => ({
    wallMicros: clock.nowMicros(),
    steadyMicros: startMicros + Math.round((clock.monotonicMs() - startMs) * 1000),
  })
}

export const toIso = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString()
