import type { Clock } from '@patchbay/core/clock'
import { systemClock } from '@patchbay/core/clock'

/** The system's clock, which a test moves on: timers that become due run at once, in their order. */
export const createMovedClock = (): Clock & { move(ms: number): Promise<void> } => {
  let movedMs = 0
  const waiting = new Set<{ dueMs: number; work: () => void }>()
  const monotonicMs = () => systemClock.monotonicMs() + movedMs
  return {
    nowMicros: () => systemClock.nowMicros() + movedMs * 1000,
    monotonicMs,
    after(ms, work) {
      const one = { dueMs: monotonicMs() + ms, work: () => undefined as void }
      const cancelReal = systemClock.after(ms, () => one.work())
      one.work = () => {
        waiting.delete(one)
        cancelReal()
        work()
      }
      waiting.add(one)
      return () => {
        waiting.delete(one)
        cancelReal()
      }
    },
    async move(ms) {
      movedMs += ms
      const due = [...waiting].filter(({ dueMs }) => dueMs <= monotonicMs())
      for (const one of due.sort((a, b) => a.dueMs - b.dueMs)) if (waiting.has(one)) one.work()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
