import type { Clock } from '../src/clock.ts'
import type { FailedRun, Job, JobOutcome, JobQueue } from '../src/jobs/port.ts'

interface Held {
  key: string
  data: unknown
  dueMs: number
  attempts: number
  state: 'waiting' | 'active' | 'failed'
  why: string
}

/** A job queue in memory by the test's clock, which can be paused and emptied. */
export interface MemoryJobs extends JobQueue {
  /** As FLUSHALL. */
  flush(): void
  pause(paused: boolean): void
}

export function createMemoryJobs(clock: Clock): MemoryJobs {
  let held = new Map<string, Held>()
  let runner: ((job: Job) => Promise<JobOutcome>) | undefined
  let paused = false

  const pump = (): void => {
    for (const job of held.values()) {
      if (paused || !runner || job.state !== 'waiting' || job.dueMs > clock.monotonicMs()) continue
      job.state = 'active'
      job.attempts++
      void runner({ key: job.key, data: job.data, attempt: job.attempts })
        .catch((): JobOutcome => ({ kind: 'retry', afterMs: 1000, why: 'thrown' }))
        .then((outcome) => {
          if (outcome.kind === 'done') held.delete(job.key)
          else if (outcome.kind === 'failed') Object.assign(job, { state: 'failed', why: outcome.why })
          else {
            Object.assign(job, { state: 'waiting', dueMs: clock.monotonicMs() + outcome.afterMs })
            clock.after(outcome.afterMs, pump)
          }
          pump()
        })
    }
  }
  const toRun = ({ key, data, attempts, why }: Held): FailedRun => ({
    key,
    data,
    attempts,
    createdMs: 0,
    failedMs: 0,
    why,
  })

  return {
    async enqueue(_queue, jobs) {
      for (const { key, data, delayMs = 0 } of jobs) {
        if (held.has(key)) continue
        held.set(key, { key, data, dueMs: clock.monotonicMs() + delayMs, attempts: 0, state: 'waiting', why: '' })
        if (delayMs > 0) clock.after(delayMs, pump)
      }
      pump()
    },
    work(_queue, _options, run) {
      runner = run
      for (const job of held.values()) if (job.state === 'active') job.state = 'waiting'
      pump()
      return {
        async close() {
          if (runner === run) runner = undefined
        },
      }
    },
    counts: async () => [],
    failed: async () => ({ items: [...held.values()].filter(({ state }) => state === 'failed').map(toRun) }),
    async findFailed(_queue, key) {
      const job = held.get(key)
      return job?.state === 'failed' ? toRun(job) : undefined
    },
    async retry(_queue, key) {
      const job = held.get(key)
      if (job?.state !== 'failed') return false
      Object.assign(job, { state: 'waiting', dueMs: clock.monotonicMs(), attempts: 0 })
      pump()
      return true
    },
    remove: async (_queue, key) => held.delete(key),
    close: async () => undefined,
    flush() {
      held = new Map()
    },
    pause(now) {
      paused = now
      pump()
    },
  }
}
