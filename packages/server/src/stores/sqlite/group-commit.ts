import { parentPort } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import { isOfStatement, toFailure } from './failure.ts'
import { OPENED, type Reply } from './worker-reply.ts'
import { collectStartGarbageLater } from '../../start-garbage.ts'

export interface GroupOptions<R> {
  db: DatabaseSync
  /** How much of a group the request fills. */
  weight: (request: R) => number
  /** One transaction takes no more than this (but always one request), so that a commit stays short. */
  maxWeight: number
  apply: (request: R) => unknown
  /** Requests that end the group and the thread. */
  isClose: (request: R) => boolean
  /** The transaction was taken back: forget what `apply` counted. */
  onRollback?: () => void
  /** Called between groups; does a little background work and answers whether there is more. */
  background?: () => boolean
  onClose: () => void
}

export interface GroupCommit<R> {
  push(request: R): void
  /** There is background work to be done. */
  wake(): void
}

/**
 * Runs everything that has arrived as one transaction and answers all of it after the commit. While a commit runs, the next group
 * gathers in the port's queue: the busier it is, the larger the groups.
 */
export function createGroupCommit<R extends { id: number }>(options: GroupOptions<R>): GroupCommit<R> {
  const { db } = options
  let queue: R[] = []
  let scheduled = false

  const reply = (replies: Reply[]) => parentPort?.postMessage(replies, [])

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    // After the poll phase, so that every message that waits in the port is in the queue first.
    setImmediate(drain)
  }

  function drain(): void {
    scheduled = false
    const group = takeGroup()
    const last = group.at(-1)
    if (last && options.isClose(last)) {
      group.pop()
      if (group.length > 0) run(group)
      close(last)
      return
    }
    if (group.length > 0) run(group)
    const more = options.background?.() ?? false
    if (queue.length > 0 || more) schedule()
  }

  function takeGroup(): R[] {
    let weight = 0
    let count = 0
    for (const request of queue) {
      weight += options.weight(request)
      if (count > 0 && weight > options.maxWeight) break
      count += 1
      if (options.isClose(request)) break
    }
    const group = queue.slice(0, count)
    queue = queue.slice(count)
    return group
  }

  function run(group: R[]): void {
    try {
      db.exec('BEGIN IMMEDIATE')
      const replies: Reply[] = group.map((request) => ({ id: request.id, value: options.apply(request) }))
      db.exec('COMMIT')
      reply(replies)
    } catch (error) {
      // SQLite has taken a transaction back by itself after some errors of the disk. A ROLLBACK that fails ends the thread.
      if (db.isTransaction) db.exec('ROLLBACK')
      options.onRollback?.()
      if (group.length > 1 && isOfStatement(error)) {
        for (const request of group) run([request])
        return
      }
      const failure = toFailure(error)
      reply(group.map((request) => ({ id: request.id, failure })))
    }
  }

  function close(request: R): void {
    try {
      options.onClose()
      reply([{ id: request.id, value: undefined }])
    } catch (error) {
      reply([{ id: request.id, failure: toFailure(error) }])
    }
    parentPort?.close()
  }

  // Background work may be left from the run before.
  schedule()
  return {
    push(request) {
      queue.push(request)
      schedule()
    },
    wake: schedule,
  }
}

/** Runs the start of a worker and says how it went; a start that fails ends the thread. */
export function openWorker(open: () => unknown): void {
  try {
    const value = open()
    parentPort?.postMessage([{ id: OPENED, value }] satisfies Reply[], [])
    collectStartGarbageLater()
  } catch (error) {
    parentPort?.postMessage([{ id: OPENED, failure: toFailure(error) }] satisfies Reply[], [])
    parentPort?.close()
  }
}
