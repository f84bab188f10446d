import { dispatchLimits } from './limits.ts'

/**
 * Shares the deliveries at the same time out among the channels: one that hangs holds up no other. Who must wait is sent away for longer
 * the more are waiting, so that a long line does not come back all the time.
 */
export function createBusyChannels(): {
  /** 0: go on, and give it back; else come again after so many ms. */
  take(channel: string, key: string): number
  give(channel: string): void
} {
  const running = new Map<string, number>()
  const waiting = new Map<string, Set<string>>()
  return {
    take(channel, key) {
      const now = running.get(channel) ?? 0
      const line = waiting.get(channel)
      if (now < dispatchLimits.perChannel) {
        running.set(channel, now + 1)
        line?.delete(key)
        if (line?.size === 0) waiting.delete(channel)
        return 0
      }
      const held = line ?? new Set<string>()
      waiting.set(channel, held.add(key))
      return Math.min(dispatchLimits.busyMostMs, dispatchLimits.busyMs + held.size * dispatchLimits.busyEachMs)
    },
    give(channel) {
      const now = (running.get(channel) ?? 1) - 1
      if (now <= 0) running.delete(channel)
      else running.set(channel, now)
    },
  }
}
