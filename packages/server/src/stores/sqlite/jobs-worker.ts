import { parentPort, workerData } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import { holdLock, openDatabase } from './database-file.ts'
import { StoreMisused } from './errors.ts'
import { createGroupCommit, openWorker } from './group-commit.ts'
import type { FailedRow, JobsCalls, JobsWorkerData } from './jobs-calls.ts'
import { jobsSchema, jobsSchemaVersion, jobState } from './jobs-schema.ts'
import type { RequestOf } from './worker-reply.ts'

type Request = RequestOf<JobsCalls>
type Handlers = { [K in keyof JobsCalls]: (ask: JobsCalls[K]['ask']) => JobsCalls[K]['answer'] }
type Row = Record<string, unknown>

const CACHE_BYTES = 4 * 1024 * 1024
const MAX_GROUP = 2_000

const { file, nowMs: startMs }: JobsWorkerData = workerData
const { waiting, leased, failed } = jobState

openWorker(() => {
  const lock = holdLock(file)
  const db = openDatabase({
    file,
    // What is lost by a power cut is given to the queue again: it need not wait for the disk.
    durability: 'relaxed',
    cacheBytes: CACHE_BYTES,
    schemaVersion: jobsSchemaVersion,
    schema: jobsSchema,
  })
  // This process is the only one: whoever had leased something is gone.
  db.exec(`UPDATE jobs SET state = ${waiting}, due = 0, lease = 0 WHERE state = ${leased}`)
  // The system's clock was set back meanwhile: nothing waits longer than it was meant to.
  db.prepare(`UPDATE jobs SET due = ?1 + wait WHERE state = ${waiting} AND due > ?1 + wait`).run(startMs)
  const handlers = createHandlers(db)
  const group = createGroupCommit<Request>({
    db,
    weight: ({ op, ask }) => (op === 'enqueue' ? ask.jobs.length : op === 'settle' ? ask.settled.length : 1),
    maxWeight: MAX_GROUP,
    apply: (request) => run(handlers, request),
    isClose: ({ op }) => op === 'close',
    onClose: () => {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
      lock.close()
    },
  })
  parentPort?.on('message', (requests: Request[]) => {
    for (const request of requests) group.push(request)
  })
})

function run<K extends keyof JobsCalls>(
  handlers: Handlers,
  request: { op: K; ask: JobsCalls[K]['ask'] },
): JobsCalls[K]['answer'] {
  return handlers[request.op](request.ask)
}

function createHandlers(db: DatabaseSync): Handlers {
  const add = db.prepare(
    `INSERT INTO jobs VALUES (?, ?, ?, ${waiting}, ?, ?, 0, 0, ?, '') ON CONFLICT (queue, key) DO NOTHING`,
  )
  const freeLeases = db.prepare(
    `UPDATE jobs SET state = ${waiting}, lease = 0 WHERE queue = ? AND state = ${leased} AND due <= ?`,
  )
  const dueKeys = db.prepare(
    `SELECT key FROM jobs WHERE queue = ? AND state = ${waiting} AND due <= ? ORDER BY due, key LIMIT ?`,
  )
  const lease = db.prepare(
    `UPDATE jobs SET state = ${leased}, due = ?, lease = ?, attempt = attempt + 1 WHERE queue = ? AND key = ?
      RETURNING key, data, attempt`,
  )
  const nextDue = db.prepare(`SELECT min(due) AS due FROM jobs WHERE queue = ? AND state = ${waiting}`)
  const nextFree = db.prepare(`SELECT min(due) AS due FROM jobs WHERE queue = ? AND state = ${leased}`)
  const mine = `WHERE queue = ? AND key = ? AND state = ${leased} AND lease = ?`
  const renew = db.prepare(`UPDATE jobs SET due = ? ${mine}`)
  const done = db.prepare(`DELETE FROM jobs ${mine}`)
  const again = db.prepare(`UPDATE jobs SET state = ${waiting}, due = ?, wait = ?, lease = 0, why = ? ${mine}`)
  const fail = db.prepare(`UPDATE jobs SET state = ${failed}, due = ?, lease = 0, why = ? ${mine}`)
  const trimFailed = db.prepare(
    `DELETE FROM jobs WHERE queue = ?1 AND key IN (
      SELECT key FROM jobs WHERE queue = ?1 AND state = ${failed} ORDER BY due DESC, key DESC LIMIT -1 OFFSET ?2)`,
  )
  const counts = db.prepare(
    `SELECT queue, sum(state = ${waiting} AND due <= ?1) AS waiting, sum(state = ${waiting} AND due > ?1) AS delayed,
      sum(state = ${leased}) AS active, sum(state = ${failed}) AS failed FROM jobs GROUP BY queue ORDER BY queue`,
  )
  const columns = 'key, data, attempt, created, due, why'
  const listFailed = db.prepare(
    `SELECT ${columns} FROM jobs WHERE queue = ? AND state = ${failed} AND (due, key) < (?, ?)
      ORDER BY due DESC, key DESC LIMIT ?`,
  )
  const oneFailed = db.prepare(`SELECT ${columns} FROM jobs WHERE queue = ? AND key = ? AND state = ${failed}`)
  const retry = db.prepare(
    `UPDATE jobs SET state = ${waiting}, due = ?, wait = 0, attempt = 0, why = '' WHERE queue = ? AND key = ? AND state = ${failed}`,
  )
  const remove = db.prepare(`DELETE FROM jobs WHERE queue = ? AND key = ? AND (state <> ${leased} OR due <= ?)`)

  return {
    enqueue({ queue, nowMs, jobs }) {
      for (const { key, data, waitMs } of jobs) add.run(queue, key, data, nowMs + waitMs, waitMs, nowMs)
      return undefined
    },
    claim({ queue, nowMs, leaseUntilMs, lease: mark, limit }) {
      freeLeases.run(queue, nowMs)
      const jobs = dueKeys.all(queue, nowMs, limit).map(({ key }) => {
        const row = lease.get(leaseUntilMs, mark, queue, text(key)) ?? {}
        return { key: text(row['key']), data: text(row['data']), attempt: number(row['attempt']) }
      })
      const next = [nextDue.get(queue)?.['due'], nextFree.get(queue)?.['due']].filter((due) => typeof due === 'number')
      return { jobs, nextMs: next.length > 0 ? Math.min(...next) : undefined }
    },
    renew({ queue, lease: mark, leaseUntilMs, keys }) {
      for (const key of keys) renew.run(leaseUntilMs, queue, key, mark)
      return undefined
    },
    settle({ queue, nowMs, settled, failedKept }) {
      for (const one of settled) {
        if (one.kind === 'done') done.run(queue, one.key, one.lease)
        else if (one.kind === 'retry') again.run(nowMs + one.waitMs, one.waitMs, one.why, queue, one.key, one.lease)
        else fail.run(nowMs, one.why, queue, one.key, one.lease)
      }
      if (settled.some(({ kind }) => kind === 'failed')) trimFailed.run(queue, failedKept)
      return undefined
    },
    counts: ({ nowMs }) =>
      counts.all(nowMs).map((row) => ({
        name: text(row['queue']),
        waiting: number(row['waiting']),
        delayed: number(row['delayed']),
        active: number(row['active']),
        failed: number(row['failed']),
      })),
    failed({ queue, limit, before }) {
      const { failedMs, key } = before ?? { failedMs: Number.MAX_SAFE_INTEGER, key: '' }
      return listFailed.all(queue, failedMs, key, limit).map(toFailed)
    },
    findFailed({ queue, key }) {
      const row = oneFailed.get(queue, key)
      return row && toFailed(row)
    },
    retry: ({ queue, key, nowMs }) => Number(retry.run(nowMs, queue, key).changes) > 0,
    remove: ({ queue, key, nowMs }) => Number(remove.run(queue, key, nowMs).changes) > 0,
    close: () => undefined,
  }
}

const toFailed = (row: Row): FailedRow => ({
  key: text(row['key']),
  data: text(row['data']),
  attempts: number(row['attempt']),
  createdMs: number(row['created']),
  failedMs: number(row['due']),
  why: text(row['why']),
})

function text(value: unknown): string {
  if (typeof value !== 'string') throw new StoreMisused('not a text in the database')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new StoreMisused('not a number in the database')
  return value
}
