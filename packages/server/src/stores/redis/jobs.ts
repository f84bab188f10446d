import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import {
  jobLimits,
  type FailedRun,
  type Job,
  type JobOutcome,
  type JobQueue,
  type NewJob,
  type Page,
  type QueueCounts,
  type Worker,
  type WorkOptions,
} from '@patchbay/core/jobs/port'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { DelayedError, Queue, UnrecoverableError, Worker as BullWorker, type Job as BullJob } from 'bullmq'
import { connectRedis, type RedisAddress, type RedisLink } from './redis-connection.ts'
import { findRisks } from './redis-safety.ts'

export interface RedisJobsOptions extends RedisAddress {
  /** Before every key in Redis, so that it can be shared. */
  prefix?: string
  onState: (state: 'lost' | 'ready', error?: Error) => void
  /** Told after each connect what is unsafe about the settings of Redis. */
  onRisks: (risks: string[]) => void
}

/** A worker that cannot close, because Redis is away, is left to itself. */
const CLOSE_MS = 2_000
/** Lookups for jobs whose worker is gone, in a lease's time. */
const STALLED_LOOKS = 2
const jobName = 'run'

export interface RedisJobs extends JobQueue {
  /** Cuts the connections at once; what runs here is run again by somebody else when its lease ends. */
  abandon(): void
}

/** The job queue as BullMQ keeps it in Redis. Needs no Redis to be there: until it is, calls reject with StoreUnavailable. */
export function openRedisJobs(options: RedisJobsOptions): RedisJobs {
  const link = connectRedis(options, (state, error) => {
    options.onState(state, error)
    if (state === 'ready') void findRisks(link.calls).then(options.onRisks)
  })
  return new BullJobs(link, options.prefix ?? 'patchbay')
}

class BullJobs implements RedisJobs {
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #queues = new Map<string, Queue>()
  readonly #workers = new Set<BullWorker>()

  constructor(link: RedisLink, prefix: string) {
    this.#link = link
    this.#prefix = prefix
  }

  async enqueue(queue: string, jobs: readonly NewJob[]): Promise<void> {
    if (jobs.length === 0) return
    const added = jobs.map(({ key, data, delayMs = 0 }) => ({
      name: jobName,
      data: { key, data: data ?? null },
      opts: { jobId: toId(key), ...(delayMs > 0 ? { delay: Math.round(delayMs) } : {}) },
    }))
    await this.#ask(() => this.#queueOf(queue).addBulk(added))
  }

  work(queue: string, { concurrency, leaseMs }: WorkOptions, run: (job: Job) => Promise<JobOutcome>): Worker {
    const worker = new BullWorker(queue, (job, token) => runOne(job, token, run), {
      connection: this.#link.work,
      prefix: this.#prefix,
      concurrency,
      lockDuration: leaseMs,
      stalledInterval: Math.ceil(leaseMs / STALLED_LOOKS),
      // A job whose process died is run again however often that happens.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: jobLimits.failedKept },
    })
    // The connection's loss is told by the connection; a run's outcome is its own.
    worker.on('error', () => undefined)
    this.#workers.add(worker)
    return {
      close: async () => {
        this.#workers.delete(worker)
        await closeWithin(worker)
      },
    }
  }

  async counts(): Promise<QueueCounts[]> {
    return this.#ask(() =>
      Promise.all(
        [...this.#queues].map(async ([name, queue]) => {
          const counts = await queue.getJobCounts('wait', 'prioritized', 'delayed', 'active', 'failed')
          const of = (state: string): number => counts[state] ?? 0
          const waiting = of('wait') + of('prioritized')
          return { name, waiting, delayed: of('delayed'), active: of('active'), failed: of('failed') }
        }),
      ),
    )
  }

  async failed(queue: string, { limit, cursor }: Page): Promise<{ items: FailedRun[]; nextCursor?: string }> {
    const from = cursor === undefined ? 0 : readCursor(cursor)
    const jobs = await this.#ask(() => this.#queueOf(queue).getFailed(from, from + limit))
    const items = jobs.slice(0, limit).flatMap((job) => toFailed(job) ?? [])
    return jobs.length > limit ? { items, nextCursor: `o${from + limit}` } : { items }
  }

  async findFailed(queue: string, key: string): Promise<FailedRun | undefined> {
    return this.#ask(async () => {
      const job = await this.#queueOf(queue).getJob(toId(key))
      return job && (await job.isFailed()) ? toFailed(job) : undefined
    })
  }

  async retry(queue: string, key: string): Promise<boolean> {
    return this.#ask(async () => {
      const job = await this.#queueOf(queue).getJob(toId(key))
      if (!job || !(await job.isFailed())) return false
      await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
      return true
    })
  }

  async remove(queue: string, key: string): Promise<boolean> {
    return this.#ask(async () => {
      const job = await this.#queueOf(queue).getJob(toId(key))
      if (!job || (await job.isActive())) return false
      return (await this.#queueOf(queue).remove(toId(key))) === 1
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map(closeWithin))
    this.abandon()
  }

  abandon(): void {
    this.#link.close()
    // They have nothing of their own but the connections that are closed; what they still wait for ends with these.
    for (const queue of this.#queues.values()) void queue.close().catch(() => undefined)
  }

  #queueOf(name: string): Queue {
    let queue = this.#queues.get(name)
    if (!queue) {
      queue = new Queue(name, {
        connection: this.#link.calls,
        prefix: this.#prefix,
        defaultJobOptions: { removeOnComplete: true },
      })
      queue.on('error', () => undefined)
      this.#queues.set(name, queue)
    }
    return queue
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    // BullMQ would keep it until Redis is back.
    if (this.#link.calls.status !== 'ready') throw new StoreUnavailable('Redis is away')
    const deadline = Promise.withResolvers<never>()
    const timer = setTimeout(() => deadline.reject(new StoreUnavailable('Redis does not answer')), jobLimits.callMs)
    try {
      return await Promise.race([call(), deadline.promise])
    } catch (cause) {
      if (cause instanceof StoreUnavailable) throw cause
      throw new StoreUnavailable(`Redis: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

async function runOne(
  bull: BullJob<unknown>,
  token: string | undefined,
  run: (job: Job) => Promise<JobOutcome>,
): Promise<void> {
  const { key, data } = read(bull)
  const outcome = await run({ key, data, attempt: bull.attemptsStarted }).catch((error: unknown): JobOutcome => {
    const why = error instanceof Error ? error.message : String(error)
    return { kind: 'retry', afterMs: jobLimits.thrownRetryMs, why }
  })
  if (outcome.kind === 'done') return
  const why = outcome.why.slice(0, jobLimits.whyLength)
  if (outcome.kind === 'failed') throw new UnrecoverableError(why)
  await bull.moveToDelayed(Date.now() + Math.max(0, outcome.afterMs), token)
  throw new DelayedError(why)
}

async function closeWithin(worker: BullWorker): Promise<void> {
  const deadline = Promise.withResolvers<void>()
  const timer = setTimeout(() => {
    void worker.close(true).catch(() => undefined)
    deadline.resolve()
  }, CLOSE_MS)
  // Redis being away is no fault of the closing: what was not settled is run again.
  await Promise.race([worker.close().catch(() => undefined), deadline.promise])
  clearTimeout(timer)
}

/** BullMQ permits no colon and no bare number. */
const toId = (key: string): string => `k-${encodeURIComponent(key)}`

function read({ data }: BullJob<unknown>): { key: string; data: unknown } {
  if (typeof data === 'object' && data !== null && 'key' in data && typeof data.key === 'string' && 'data' in data) {
    return { key: data.key, data: data.data }
  }
  throw new UnrecoverableError('not a job of this queue')
}

function readCursor(cursor: string): number {
  const found = /^o(\d{1,9})$/.exec(cursor)
  if (!found) throw new CursorInvalid('not a cursor of this list')
  return Number(found[1])
}

/** Undefined for one that vanished while the list was read. */
function toFailed(bull: BullJob<unknown> | undefined): FailedRun | undefined {
  if (!bull) return undefined
  return {
    ...read(bull),
    attempts: bull.attemptsStarted,
    createdMs: bull.timestamp,
    failedMs: bull.finishedOn ?? bull.timestamp,
    why: bull.failedReason ?? '',
  }
}
