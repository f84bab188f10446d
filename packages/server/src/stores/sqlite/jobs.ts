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
import { StoreMisused } from './errors.ts'
import { JobRunner } from './job-runner.ts'
import type { FailedRow, JobsCalls, JobsWorkerData } from './jobs-calls.ts'
import { OnDemandLink } from './on-demand-link.ts'
import { fileBytes, makePrivateFile } from './private-file.ts'
import { WorkerLink } from './worker-link.ts'

export interface SqliteJobsOptions {
  file: string
  /** Milliseconds since 1970 that only grow. */
  nowMs?: () => number
  onFatal?: (error: Error) => void
}

export type JobLink = Pick<OnDemandLink<JobsCalls>, 'call'>

const HEAP_MB = 64

/** The time of the start goes on by itself: setting the system's clock back must not hold jobs up. */
function createSteadyMs(): () => number {
  const startMs = Date.now() - performance.now()
  return () => Math.round(startMs + performance.now())
}

/** The job queue in a SQLite file with a thread of its own, which starts with the first call. */
export async function openSqliteJobs(options: SqliteJobsOptions): Promise<SqliteJobs> {
  const { file } = options
  await makePrivateFile(file)
  const nowMs = options.nowMs ?? createSteadyMs()
  const data: JobsWorkerData = { file, nowMs: nowMs() }
  const fatal = options.onFatal ?? (() => {})
  const entry = new URL('./jobs-worker.ts', import.meta.url)
  const start = () => new WorkerLink<JobsCalls>({ entry, file, data, heapMb: HEAP_MB, onFatal: fatal })
  const isUsed = (await fileBytes(file)) > 0
  return new EmbeddedJobs(new OnDemandLink<JobsCalls>(start, fatal), nowMs, isUsed)
}

export interface SqliteJobs extends JobQueue {
  /** Ends the thread at once, as a crash would. */
  abandon(): Promise<void>
}

class EmbeddedJobs implements SqliteJobs {
  readonly #link: OnDemandLink<JobsCalls>
  readonly #nowMs: () => number
  readonly #runners = new Map<string, JobRunner[]>()
  #leases = 0
  /** There was a job once: before, nothing need be asked, and the thread need not be there. */
  #isUsed: boolean

  constructor(link: OnDemandLink<JobsCalls>, nowMs: () => number, isUsed: boolean) {
    this.#link = link
    this.#nowMs = nowMs
    this.#isUsed = isUsed
  }

  async enqueue(queue: string, jobs: readonly NewJob[]): Promise<void> {
    if (jobs.length === 0) return
    const nowMs = this.#nowMs()
    const asked = jobs.map(({ key, data, delayMs = 0 }) => ({
      key: checkedKey(key),
      data: toJson(data),
      waitMs: Math.max(0, Math.round(delayMs)),
    }))
    this.#isUsed = true
    await this.#link.call('enqueue', { queue, nowMs, jobs: asked })
    this.#wake(queue)
  }

  work(queue: string, options: WorkOptions, run: (job: Job) => Promise<JobOutcome>): Worker {
    const runner = new JobRunner({
      ...options,
      queue,
      link: this.#link,
      nowMs: this.#nowMs,
      lease: ++this.#leases,
      run: async (job) => run(job),
    })
    if (this.#isUsed) runner.wake()
    const others = this.#runners.get(queue) ?? []
    this.#runners.set(queue, [...others, runner])
    return {
      close: async () => {
        this.#runners.set(
          queue,
          (this.#runners.get(queue) ?? []).filter((each) => each !== runner),
        )
        await runner.close()
      },
    }
  }

  async counts(): Promise<QueueCounts[]> {
    const counted = this.#isUsed ? await this.#link.call('counts', { nowMs: this.#nowMs() }) : []
    const names = new Set(counted.map(({ name }) => name))
    // A queue that somebody works on is there, though it is empty.
    const empty = [...this.#runners.keys()].filter((name) => !names.has(name))
    return [...counted, ...empty.map((name) => ({ name, waiting: 0, delayed: 0, active: 0, failed: 0 }))]
  }

  async failed(queue: string, { limit, cursor }: Page): Promise<{ items: FailedRun[]; nextCursor?: string }> {
    const before = cursor === undefined ? undefined : readCursor(cursor)
    if (!this.#isUsed) return { items: [] }
    const rows = await this.#link.call('failed', { queue, limit: limit + 1, before })
    const items = rows.slice(0, limit).map(toRun)
    const last = items.at(-1)
    if (!last || rows.length <= limit) return { items }
    return { items, nextCursor: Buffer.from(JSON.stringify([last.failedMs, last.key])).toString('base64url') }
  }

  async findFailed(queue: string, key: string): Promise<FailedRun | undefined> {
    const row = await this.#link.call('findFailed', { queue, key })
    return row && toRun(row)
  }

  async retry(queue: string, key: string): Promise<boolean> {
    const found = await this.#link.call('retry', { queue, key, nowMs: this.#nowMs() })
    this.#wake(queue)
    return found
  }

  remove(queue: string, key: string): Promise<boolean> {
    return this.#link.call('remove', { queue, key, nowMs: this.#nowMs() })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runners.values()].flat().map((runner) => runner.close()))
    await this.#link.close()
  }

  async abandon(): Promise<void> {
    for (const runner of [...this.#runners.values()].flat()) runner.abandon()
    await this.#link.terminate()
  }

  #wake(queue: string): void {
    for (const runner of this.#runners.get(queue) ?? []) runner.wake()
  }
}

function readCursor(cursor: string): { failedMs: number; key: string } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(parsed)) {
      const [failedMs, key]: unknown[] = parsed
      if (typeof failedMs === 'number' && typeof key === 'string') return { failedMs, key }
    }
  } catch (error) {
    throw new CursorInvalid('not a cursor of this list', { cause: error })
  }
  throw new CursorInvalid('not a cursor of this list')
}

function checkedKey(key: string): string {
  if (key.length === 0 || key.length > jobLimits.keyLength)
    throw new StoreMisused(`not a job's key: ${key.slice(0, 40)}`)
  return key
}

function toJson(data: unknown): string {
  const text = JSON.stringify(data ?? null)
  if (text.length > jobLimits.dataBytes) throw new StoreMisused('the data of a job is too long')
  return text
}

const toRun = ({ data, ...row }: FailedRow): FailedRun => ({ ...row, data: JSON.parse(data) })
