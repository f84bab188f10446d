import { parentPort, workerData } from 'node:worker_threads'
import { createCommittedRead } from './committed-read.ts'
import { openReadOnly } from './database-file.ts'
import { toFailure } from './failure.ts'
import { openWorker } from './group-commit.ts'
import type { Steps } from './hot-rows.ts'
import { createSealedChunks } from './sealed-chunks.ts'
import type { ReaderCalls, TelemetryWorkerData } from './telemetry-calls.ts'
import { createTelemetryReads } from './telemetry-reads.ts'
import type { Cancel, Reply, RequestOf } from './worker-reply.ts'

type Request = RequestOf<ReaderCalls>

const CACHE_BYTES = 8 * 1024 * 1024
/** Reads that take turns; the others wait for one of them to end. */
const MAX_RUNNING = 16

const { file }: TelemetryWorkerData = workerData

openWorker(() => {
  const db = openReadOnly(file, CACHE_BYTES)
  const chunks = createSealedChunks(db)
  const reads = createTelemetryReads(db, chunks)
  const committed = createCommittedRead(db, chunks)
  const waiting = new Map<number, Request>()
  const running = new Map<number, Steps<unknown>>()
  let scheduled = false

  const reply = (answer: Reply) => parentPort?.postMessage([answer], [])

  function take(message: Request | Cancel): void {
    if ('cancel' in message) {
      waiting.delete(message.cancel)
      running.delete(message.cancel)
      return
    }
    switch (message.op) {
      // Connections wait for this one: never behind a long read.
      case 'open':
        answerAtOnce(message.id, () => reads.open(message.ask))
        return
      case 'forget':
        answerAtOnce(message.id, () => committed.forget())
        return
      case 'close':
        answerAtOnce(message.id, () => db.close())
        parentPort?.close()
        return
      default:
        waiting.set(message.id, message)
        schedule()
    }
  }

  function answerAtOnce(id: number, work: () => unknown): void {
    try {
      reply({ id, value: work() })
    } catch (error) {
      reply({ id, failure: toFailure(error) })
    }
  }

  function begin(request: Request): Steps<unknown> | undefined {
    switch (request.op) {
      case 'latest':
        return reads.latest(request.ask)
      case 'range':
        return reads.range(request.ask)
      case 'raw':
        return reads.raw(request.ask)
      case 'committed':
        return committed.read(request.ask)
      default:
        return undefined
    }
  }

  /** Sealing moves points from one table to another: a turn sees all of it or nothing. */
  function inSnapshot<T>(work: () => T): T {
    db.exec('BEGIN')
    try {
      return work()
    } finally {
      db.exec('COMMIT')
    }
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    // Between two turns the port is read: that is when a cancelled read goes.
    setImmediate(turn)
  }

  function turn(): void {
    scheduled = false
    for (const [id, request] of waiting) {
      if (running.size >= MAX_RUNNING) break
      waiting.delete(id)
      const steps = begin(request)
      if (steps) running.set(id, steps)
    }
    const first = running.entries().next().value
    if (!first) return
    const [id, steps] = first
    running.delete(id)
    try {
      const step = inSnapshot(() => steps.next())
      if (step.done) reply({ id, value: step.value })
      else running.set(id, steps)
    } catch (error) {
      reply({ id, failure: toFailure(error) })
    }
    if (running.size > 0 || waiting.size > 0) schedule()
  }

  parentPort?.on('message', take)
  return undefined
})
