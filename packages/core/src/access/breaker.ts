import type { Clock } from '../clock.ts'

/** Failures in a row that suspend a provider, and for how long; then one question tries it again. */
export const breakerFailures = 5
export const breakerOpenMs = 30_000

export interface Breaker {
  /** Whether to ask now. True once per `breakerOpenMs` while suspended. */
  mayTry(): boolean
  succeeded(): void
  failed(): void
  /** All since the start. */
  readonly failures: number
  readonly suspended: boolean
}

/** Keeps a provider that fails from costing every client its whole budget. */
export function createBreaker(clock: Clock): Breaker {
  let inRow = 0
  let failures = 0
  let nextTryMs = 0
  return {
    mayTry() {
      if (inRow < breakerFailures) return true
      const now = clock.monotonicMs()
      if (now < nextTryMs) return false
      nextTryMs = now + breakerOpenMs
      return true
    },
    succeeded() {
      inRow = 0
    },
    failed() {
      failures++
      inRow++
      if (inRow >= breakerFailures) nextTryMs = clock.monotonicMs() + breakerOpenMs
    },
    get failures() {
      return failures
    },
    get suspended() {
      return inRow >= breakerFailures
    },
  }
}
