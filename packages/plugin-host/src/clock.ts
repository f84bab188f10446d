/** Time as the host sees it, so that tests can move it. */
export interface Clock {
  /** Microseconds since 1970, integer. */
  nowMicros(): number
  /** Milliseconds that only grow: for durations, untouched by changes of the system's clock. */
  monotonicMs(): number
  /** Runs `work` once after `ms`; the answer cancels it. Never keeps the process alive. */
  after(ms: number, work: () => void): () => void
}

export const systemClock: Clock = {
  nowMicros: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** ISO 8601, as states and REST show a time. */
export const toIso = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString()
