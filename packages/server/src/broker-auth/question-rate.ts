import type { Clock } from '@patchbay/core/clock'

/** Questions that one API key may ask in one second; above it everything is denied until the second is over. */
export const maxQuestionsPerSecond = 5000
/** Keys that are counted. */
const maxCounted = 1000
const secondMs = 1000

/** Keeps one broker, however busy, from taking the platform from its devices. */
export function createQuestionRate(clock: Clock) {
  const windows = new Map<string, { sinceMs: number; count: number }>()
  return {
    take(key: string): boolean {
      const now = clock.monotonicMs()
      const window = windows.get(key)
      if (window && now - window.sinceMs < secondMs) return ++window.count <= maxQuestionsPerSecond
      if (windows.size >= maxCounted) windows.clear()
      windows.set(key, { sinceMs: now, count: 1 })
      return true
    },
  }
}
