/** Waits between tries; the last one repeats. */
export const backoffMs = [5_000, 10_000, 20_000, 40_000, 80_000] as const
/** A tenth more or less, so that instances that lost the same server do not come back at the same moment. */
const jitter = 0.1

export interface Backoff {
  /** How long to wait before the next try. */
  nextMs(): number
  /** How many waits were handed out since the start or the last reset. */
  readonly tries: number
  reset(): void
}

/** `random` answers 0 to 1, as Math.random does. */
export function createBackoff(random: () => number, steps: readonly number[] = backoffMs): Backoff {
  let tries = 0
  return {
    nextMs() {
      const step = steps[Math.min(tries, steps.length - 1)] ?? 0
      tries += 1
      return Math.round(step * (1 - jitter + 2 * jitter * random()))
    },
    get tries() {
      return tries
    },
    reset() {
      tries = 0
    },
  }
}
