import type { JobQueue, NewJob } from '../jobs/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { dispatchLimits } from './limits.ts'

/** What a job of the alerts' queue holds: where the notification lies. */
export interface DeliveryJob {
  alert: string
  n: number
  channel: string
}

/**
 * Gives deliveries to the job queue, many in one call, and remembers which it has been given. Of one channel no more are due in the queue
 * than can soon be made; the others stand in line here, and in their documents.
 */
export interface Feed {
  push(key: string, job: DeliveryJob, delayMs: number): void
  /** In line, or given so lately that it is not worth giving again. */
  isFresh(key: string): boolean
  /** The queue ran it: the next of its channel may come. */
  ran(key: string, channel: string): void
  /** Nothing is to be delivered under this key any more. */
  forget(key: string): void
  readonly size: number
}

export function createFeed(deps: {
  jobs: Pick<JobQueue, 'enqueue'>
  monotonicMs: () => number
  failed: (error: unknown) => void
}): Feed {
  const { jobs, monotonicMs, failed } = deps
  /** When each was given, ms. */
  const given = new Map<string, number>()
  /** By channel: given, due and not run yet; and those that wait for that. */
  const open = new Map<string, Set<string>>()
  const lines = new Map<string, Map<string, DeliveryJob>>()
  const inLine = new Set<string>()
  let batch: NewJob[] = []
  let flushing = false

  async function flush(): Promise<void> {
    // After this turn, so that what comes together goes together.
    await Promise.resolve()
    while (batch.length > 0) {
      const now = batch.slice(0, dispatchLimits.feedAtOnce)
      batch = batch.slice(now.length)
      try {
        await jobs.enqueue(dispatchLimits.queue, now)
      } catch (error) {
        // The documents still say that it is to be delivered: the next sweep begins anew.
        for (const { key } of now) given.delete(key)
        open.clear()
        lines.clear()
        inLine.clear()
        // That the queue is away is told where it was opened, once and not for each call.
        if (!(error instanceof StoreUnavailable)) failed(error)
      }
    }
    flushing = false
  }

  function give(key: string, job: DeliveryJob, delayMs: number): void {
    given.set(key, monotonicMs())
    batch.push({ key, data: job, ...(delayMs > 0 ? { delayMs } : {}) })
    if (flushing) return
    flushing = true
    void flush()
  }

  function pull(channel: string): void {
    const line = lines.get(channel)
    const [next] = line ?? []
    if (!line || !next) return
    const [key, job] = next
    line.delete(key)
    inLine.delete(key)
    if (line.size === 0) lines.delete(channel)
    admit(key, job)
  }

  function admit(key: string, job: DeliveryJob): void {
    const due = open.get(job.channel) ?? new Set()
    open.set(job.channel, due.add(key))
    give(key, job, 0)
  }

  return {
    push(key, job, delayMs) {
      if (given.size >= dispatchLimits.known && !given.has(key)) return
      const due = open.get(job.channel)
      // What the queue may have lost is given again; what waits for its time is in nobody's way.
      if (delayMs > 0 || due?.has(key)) give(key, job, delayMs)
      else if ((due?.size ?? 0) < dispatchLimits.duePerChannel) admit(key, job)
      else if (inLine.size < dispatchLimits.known) {
        const line = lines.get(job.channel) ?? new Map<string, DeliveryJob>()
        lines.set(job.channel, line.set(key, job))
        inLine.add(key)
      }
    },
    isFresh(key) {
      const atMs = given.get(key)
      return inLine.has(key) || (atMs !== undefined && monotonicMs() - atMs < dispatchLimits.refeedAfterMs)
    },
    ran(key, channel) {
      open.get(channel)?.delete(key)
      if ((open.get(channel)?.size ?? 0) < dispatchLimits.duePerChannel) pull(channel)
    },
    forget: (key) => void given.delete(key),
    get size() {
      return given.size + inLine.size
    },
  }
}
