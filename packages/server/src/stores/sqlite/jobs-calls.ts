import type { FailedRun, NewJob, QueueCounts } from '@patchbay/core/jobs/port'

export interface ClaimedJob {
  key: string
  data: string
  attempt: number
}

export type Settled = { key: string; lease: number } & (
  | { kind: 'done' }
  | { kind: 'retry'; waitMs: number; why: string }
  | { kind: 'failed'; why: string }
)

export type FailedRow = Omit<FailedRun, 'data'> & { data: string }

/** What the job queue's worker does. Data travels as JSON text. */
export interface JobsCalls {
  enqueue: {
    ask: { queue: string; nowMs: number; jobs: (Omit<NewJob, 'data' | 'delayMs'> & { data: string; waitMs: number })[] }
    answer: undefined
  }
  /** Leases jobs that are due, or whose lease is over; `nextMs` is when there may be more. */
  claim: {
    ask: { queue: string; nowMs: number; leaseUntilMs: number; lease: number; limit: number }
    answer: { jobs: ClaimedJob[]; nextMs: number | undefined }
  }
  renew: { ask: { queue: string; lease: number; leaseUntilMs: number; keys: string[] }; answer: undefined }
  settle: { ask: { queue: string; nowMs: number; settled: Settled[]; failedKept: number }; answer: undefined }
  counts: { ask: { nowMs: number }; answer: QueueCounts[] }
  failed: {
    ask: { queue: string; limit: number; before: { failedMs: number; key: string } | undefined }
    answer: FailedRow[]
  }
  findFailed: { ask: { queue: string; key: string }; answer: FailedRow | undefined }
  retry: { ask: { queue: string; key: string; nowMs: number }; answer: boolean }
  remove: { ask: { queue: string; key: string; nowMs: number }; answer: boolean }
  close: { ask: undefined; answer: undefined }
}

export interface JobsWorkerData {
  file: string
  nowMs: number
}
