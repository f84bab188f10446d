import type { Clock } from '../src/clock.ts'

/** Time that moves when told. `jump` sets the system's clock alone, as an admin or NTP does. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass and runs what falls due, in order. */
  pass(ms: number): void
  jump(ms: number): void
  readonly waiting: number
}

export function createFakeClock(startMicros = 1_760_000_000_000_000): FakeClock {
  let elapsedMs = 0
  let jumpedMs = 0
  let count = 0
  const timers = new Map<number, { atMs: number; work: () => void }>()
  return {
    nowMicros: () => startMicros + Math.round((elapsedMs + jumpedMs) * 1000),
    monotonicMs: () => elapsedMs,
    after(ms, work) {
      const id = ++count
      timers.set(id, { atMs: elapsedMs + Math.max(0, ms), work })
      return () => timers.delete(id)
    },
    pass(ms) {
      const end = elapsedMs + ms
      for (;;) {
        let due: [number, { atMs: number; work: () => void }] | undefined
        for (const entry of timers) if (entry[1].atMs <= end && (!due || entry[1].atMs < due[1].atMs)) due = entry
        if (!due) break
        timers.delete(due[0])
        elapsedMs = Math.max(elapsedMs, due[1].atMs)
        due[1].work()
      }
      elapsedMs = end
    },
    jump(ms) {
      jumpedMs += ms
    },
    get waiting() {
      return timers.size
    },
  }
}
