/** Time as the core sees it, so that tests can move it. */
export interface Clock {
  /** Microseconds since 1970, integer. */
  nowMicros(): number
  /** Milliseconds that only grow: for durations, untouched by changes of the system's clock. */
  monotonicMs(): number
  /** Runs `work` once after `ms`; the answer cancels it. Never keeps the process alive. */
  after(ms: number, work: () => void): () => void
}

export const systemClock: Clock = {
  // Date.now() follows the system's clock when it is set; performance.now() would keep the drift of the start for ever.
  nowMicros: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
