/** How quickly something is taken in the long run. */
export interface Pace {
  /** How long the next one has to wait. */
  readonly pausedMs: number
  /** So much was taken; what is too much is waited for later. */
  taken(messages: number, text: number): void
}

/** What may be taken at once after a time in which little came. */
const spareMs = 1000

export function createPace(perSecond: { messages: number; text: number }): Pace {
  /** When all that was taken would have come, had it come evenly. */
  let dueMs = Number.NEGATIVE_INFINITY
  return {
    get pausedMs() {
      return Math.max(0, dueMs - performance.now())
    },
    taken(messages, text) {
      const tookMs = Math.max(messages / perSecond.messages, text / perSecond.text) * 1000
      dueMs = Math.max(dueMs, performance.now() - spareMs) + tookMs
    },
  }
}
