/** What takes longer is not asked again at once. */
const SLOW_MS = 500
/** Part of the time that may go by with it. */
const SHARE = 1 / 100

/**
 * Asks anew each time while that is quick. What has become slow, such as counting all chunks of a large store, is asked together and kept for
 * as long as keeps it at a hundredth of the time, however many look at it.
 */
export function createSlowAnswer<T>(ask: () => Promise<T>, slowMs = SLOW_MS): () => Promise<T> {
  let underWay: Promise<T> | undefined
  let kept: { answer: T; untilMs: number } | undefined

  async function askNow(): Promise<T> {
    const beganMs = performance.now()
    try {
      const answer = await ask()
      const endMs = performance.now()
      const tookMs = endMs - beganMs
      kept = tookMs > slowMs ? { answer, untilMs: endMs + tookMs / SHARE } : undefined
      return answer
    } finally {
      underWay = undefined
    }
  }

  return async () => {
    if (kept && performance.now() < kept.untilMs) return kept.answer
    // Only one that has been slow before is shared: a quick one sees all that was stored before it was asked.
    if (kept && underWay) return underWay
    const run = askNow()
    underWay = run
    return run
  }
}
