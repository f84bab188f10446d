/**
 * The job queue: work that is due now or later and is tried until it is done. It may lose everything (a Redis that is flushed): whoever
 * feeds it keeps what must not be lost elsewhere and feeds it again, with the same keys.
 */

export interface NewJob {
  /** While a job of this key is in the queue, in whatever state, another one changes nothing. */
  key: string
  data: unknown
  delayMs?: number
}

export interface Job {
  key: string
  data: unknown
  /** 1 the first time. A run that was cut short counts. */
  attempt: number
}

/** What a run came to. `retry` leaves the job where it is for a while; `failed` keeps it to be looked at. */
export type JobOutcome =
  | { kind: 'done' }
  | { kind: 'retry'; afterMs: number; why: string }
  | { kind: 'failed'; why: string }

export interface WorkOptions {
  /** Runs at the same time. */
  concurrency: number
  /** A run that is not renewed for so long, because its process is gone, is due again. Renewing is the queue's. */
  leaseMs: number
}

export interface QueueCounts {
  name: string
  waiting: number
  delayed: number
  active: number
  failed: number
}

export interface FailedRun {
  key: string
  data: unknown
  attempts: number
  createdMs: number
  failedMs: number
  why: string
}

export interface Page {
  limit: number
  cursor?: string
}

/** Every call rejects with `StoreUnavailable` when the queue cannot answer within its limit; nothing waits for ever. */
export interface JobQueue {
  enqueue(queue: string, jobs: readonly NewJob[]): Promise<void>
  /** Runs jobs until it is closed, each at least once. A run that throws is tried again. */
  work(queue: string, options: WorkOptions, run: (job: Job) => Promise<JobOutcome>): Worker
  /** Of all queues that there have been. */
  counts(): Promise<QueueCounts[]>
  /** Newest first. Rejects with CursorInvalid for a cursor that is not of this list. */
  failed(queue: string, page: Page): Promise<{ items: FailedRun[]; nextCursor?: string }>
  findFailed(queue: string, key: string): Promise<FailedRun | undefined>
  /** A failed job is due now; false when there is none of this key. */
  retry(queue: string, key: string): Promise<boolean>
  /** Takes a job out that is not being run; false when there is none. */
  remove(queue: string, key: string): Promise<boolean>
  close(): Promise<void>
}

export interface Worker {
  /** Takes no more jobs and waits for those that run. */
  close(): Promise<void>
}

export const jobLimits = {
  /** Of `data` as JSON. */
  dataBytes: 64 * 1024,
  keyLength: 256,
  /** Failed jobs kept for each queue; the oldest go first. */
  failedKept: 10_000,
  /** After a run that threw. */
  thrownRetryMs: 5_000,
  /** A call that the queue does not answer. */
  callMs: 5_000,
  whyLength: 2_000,
} as const
