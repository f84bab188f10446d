import { jobLimits, type Job, type JobOutcome, type Worker, type WorkOptions } from '@patchbay/core/jobs/port'
import type { Settled } from './jobs-calls.ts'
import type { JobLink } from './jobs.ts'

/** Idle workers look again at least so often: the system's clock may have been set. */
const LOOK_EVERY_MS = 5_000
/** After a call that the store refused. */
const AFTER_FAILURE_MS = 1_000

export interface RunnerOptions extends WorkOptions {
  queue: string
  link: JobLink
  nowMs: () => number
  /** Unlike that of every other runner. */
  lease: number
  run: (job: Job) => Promise<JobOutcome>
}

/** Claims jobs of one queue while it has free places, runs them and settles them. */
export class JobRunner implements Worker {
  readonly #options: RunnerOptions
  readonly #running = new Map<string, Promise<void>>()
  #settled: Settled[] = []
  #settling: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #claiming: Promise<void> | undefined
  #wanted = false
  #closed = false
  readonly #renewal: NodeJS.Timeout

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#renewal = setInterval(() => void this.#renew(), options.leaseMs / 3)
    this.#renewal.unref()
  }

  /** There may be something to do. */
  wake(): void {
    this.#wanted = true
    if (this.#claiming || this.#closed) return
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined
      if (this.#wanted) this.wake()
    })
  }

  abandon(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#renewal)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#claiming
    await Promise.all(this.#running.values())
    clearInterval(this.#renewal)
    await this.#settling
  }

  async #claim(): Promise<void> {
    this.#wanted = false
    const { queue, link, concurrency, leaseMs, lease, nowMs } = this.#options
    const limit = concurrency - this.#running.size
    if (limit <= 0) return
    let waitMs = AFTER_FAILURE_MS
    try {
      const now = nowMs()
      const ask = { queue, nowMs: now, leaseUntilMs: now + leaseMs, lease, limit }
      const { jobs, nextMs } = await link.call('claim', ask)
      for (const { key, data, attempt } of jobs) this.#start({ key, data: JSON.parse(data), attempt })
      // A full claim may have left some behind; the end of any run looks again anyway.
      if (jobs.length === limit) return
      waitMs = Math.min(LOOK_EVERY_MS, Math.max(0, (nextMs ?? Infinity) - nowMs()))
    } catch {
      // The store says so to everybody who asks it; what was leased comes back by itself.
    }
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.wake(), waitMs).unref()
  }

  #start(job: Job): void {
    const run = this.#options.run(job).catch((error: unknown): JobOutcome => {
      const why = error instanceof Error ? error.message : String(error)
      return { kind: 'retry', afterMs: jobLimits.thrownRetryMs, why }
    })
    this.#running.set(
      job.key,
      run.then((outcome) => this.#settle(job.key, outcome)),
    )
  }

  async #settle(key: string, outcome: JobOutcome): Promise<void> {
    const { lease } = this.#options
    if (outcome.kind === 'done') this.#settled.push({ key, lease, kind: 'done' })
    else {
      const why = outcome.why.slice(0, jobLimits.whyLength)
      if (outcome.kind === 'failed') this.#settled.push({ key, lease, kind: 'failed', why })
      else this.#settled.push({ key, lease, kind: 'retry', waitMs: Math.max(0, Math.round(outcome.afterMs)), why })
    }
    try {
      await (this.#settling ??= this.#flush())
    } catch {
      // Not settled: its lease ends and it is run again, which every job must bear.
    }
    this.#running.delete(key)
    this.wake()
  }

  async #flush(): Promise<void> {
    const { queue, link, nowMs } = this.#options
    // What ends together is written together.
    await Promise.resolve()
    const settled = this.#settled
    this.#settled = []
    this.#settling = undefined
    await link.call('settle', { queue, nowMs: nowMs(), settled, failedKept: jobLimits.failedKept })
  }

  async #renew(): Promise<void> {
    const { queue, link, lease, leaseMs, nowMs } = this.#options
    const keys = [...this.#running.keys()]
    if (keys.length === 0) return
    try {
      await link.call('renew', { queue, lease, leaseUntilMs: nowMs() + leaseMs, keys })
    } catch {
      // As above: a lease that is not renewed only means that the job is run again.
    }
  }
}
