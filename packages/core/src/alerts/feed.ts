import type { JobQueue, NewJob } from '../jobs/port.ts'
import { dispatchLimits } from './limits.ts'

/** Gives deliveries to the job queue, many in one call, and remembers which it has been given. */
export interface Feed {
  push(key: string, data: DeliveryJob, delayMs: number): void
  /** Given so lately that it is not worth giving again. */
  isFresh(key: string): boolean
  forget(key: string): void
  readonly size: number
}

/** What a job of the alerts' queue holds: where the notification lies. */
export interface DeliveryJob {
  alert: string
  n: number
  channel: string
}

export function createFeed(deps: {
  jobs: Pick<JobQueue, 'enqueue'>
  monotonicMs: () => number
  failed: (error: unknown) => void
}): Feed {
  const { jobs, monotonicMs, failed } = deps
  /** When each was given, ms; at most `known` of them, the rest is the sweep's. */
  const given = new Map<string, number>()
  let waiting: NewJob[] = []
  let flushing = false

  async function flush(): Promise<void> {
    // After this turn, so that what comes together goes together.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = waiting.slice(0, dispatchLimits.feedAtOnce)
      waiting = waiting.slice(batch.length)
      try {
        await jobs.enqueue(dispatchLimits.queue, batch)
      } catch (error) {
        // The documents still say that it is to be delivered: the next sweep gives it again.
        for (const { key } of batch) given.delete(key)
        failed(error)
      }
    }
    flushing = false
  }

  return {
    push(key, data, delayMs) {
      if (given.size >= dispatchLimits.known && !given.has(key)) return
      given.set(key, monotonicMs())
      waiting.push({ key, data, ...(delayMs > 0 ? { delayMs } : {}) })
      if (flushing) return
      flushing = true
      void flush()
    },
    isFresh(key) {
      const atMs = given.get(key)
      return atMs !== undefined && monotonicMs() - atMs < dispatchLimits.refeedAfterMs
    },
    forget: (key) => void given.delete(key),
    get size() {
      return given.size
    },
  }
}
