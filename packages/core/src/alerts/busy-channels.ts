import { dispatchLimits } from './limits.ts'

interface Line {
  running: number
  waiting: (() => void)[]
}

/**
 * Shares the deliveries at the same time out among the channels: one that hangs holds up no other. A few wait in line for their turn;
 * beyond, they are sent away for longer the more there are, so that they do not come back all the time.
 */
export function createBusyChannels(): {
  /** Resolves with their turn, which is given back by `leave`. A number: not now, come again after so many ms. */
  enter(channel: string): Promise<void> | number
  leave(channel: string): void
} {
  const lines = new Map<string, Line>()
  const away = new Map<string, number>()
  return {
    enter(channel) {
      const line = lines.get(channel) ?? { running: 0, waiting: [] }
      lines.set(channel, line)
      if (line.running < dispatchLimits.perChannel) {
        line.running++
        return Promise.resolve()
      }
      if (line.waiting.length < dispatchLimits.waitingPerChannel) {
        return new Promise((resolve) => line.waiting.push(resolve))
      }
      const sent = (away.get(channel) ?? 0) + 1
      away.set(channel, sent)
      return Math.min(dispatchLimits.busyMostMs, dispatchLimits.busyMs + sent * dispatchLimits.busyEachMs)
    },
    leave(channel) {
      const line = lines.get(channel)
      if (!line) return
      const sent = away.get(channel) ?? 0
      if (sent > 1) away.set(channel, sent - 1)
      else away.delete(channel)
      const next = line.waiting.shift()
      if (next) next()
      else if (--line.running === 0) lines.delete(channel)
    },
  }
}
