import type { Clock } from './clock.ts'

/** The third crash within five minutes is a loop. */
export const maxCrashes = 3
export const crashWindowMs = 5 * 60_000

export interface CrashWindow {
  /** Counts one crash; true = as many as make a loop. */
  crash(): boolean
  reset(): void
}

export function createCrashWindow(clock: Clock): CrashWindow {
  let crashes: number[] = []
  return {
    crash() {
      const nowMs = clock.monotonicMs()
      crashes = [...crashes.filter((atMs) => nowMs - atMs < crashWindowMs), nowMs]
      return crashes.length >= maxCrashes
    },
    reset() {
      crashes = []
    },
  }
}
