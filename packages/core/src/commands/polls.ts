import type { Clock } from '../clock.ts'
import { commandLimits } from './limits.ts'

/** Waits of long polls: the first in line is woken when a command for its device comes. */
export interface Polls {
  /** Resolves when there is something to take, the time is up or the caller went; false when too many wait already. */
  wait(device: string, waitMs: number, signal: AbortSignal): Promise<void>
  wake(device: string): boolean
  wakeAll(): void
}

export function createPolls(clock: Clock): Polls {
  const waiting = new Map<string, Set<() => void>>()

  return {
    wait(device, waitMs, signal) {
      const line = waiting.get(device) ?? new Set()
      if (signal.aborted || waitMs <= 0 || line.size >= commandLimits.pollsPerDevice) return Promise.resolve()
      waiting.set(device, line)
      return new Promise((resolve) => {
        const done = () => {
          cancel()
          signal.removeEventListener('abort', done)
          line.delete(done)
          if (line.size === 0 && waiting.get(device) === line) waiting.delete(device)
          resolve()
        }
        const cancel = clock.after(Math.min(waitMs, commandLimits.pollWaitMs), done)
        signal.addEventListener('abort', done, { once: true })
        line.add(done)
      })
    },
    wake(device) {
      const [first] = waiting.get(device) ?? []
      first?.()
      return first !== undefined
    },
    wakeAll() {
      for (const line of waiting.values()) for (const done of line) done()
    },
  }
}
