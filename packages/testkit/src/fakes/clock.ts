import type { Clock } from '@patchbay/plugin-host/clock'

/** Time that only moves when told to. */
export interface FakeClock extends Clock {
  /** Moves on and runs what comes due, in order of time; promises settle in between. */
  advance(ms: number): Promise<void>
  /** Timers that wait. */
  readonly waiting: number
}

// Promise chains of the code under test are a few dozen turns long at most.
const settleTurns = 3
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < settleTurns; turn += 1) await new Promise(setImmediate)
}

export function createFakeClock(startMicros = Date.UTC(2026, 0, 1) * 1000): FakeClock {
  let nowMs = 0
  const timers = new Set<{ atMs: number; work: () => void }>()
  return {
    nowMicros: () => startMicros + Math.round(nowMs * 1000),
    monotonicMs: () => nowMs,
    after(ms, work) {
      const timer = { atMs: nowMs + ms, work }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      await settle()
      const untilMs = nowMs + ms
      for (;;) {
        const due = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (!due) break
        timers.delete(due)
        nowMs = Math.max(nowMs, due.atMs)
        due.work()
        await settle()
      }
      nowMs = untilMs
      await settle()
    },
    get waiting() {
      return timers.size
    },
  }
}
