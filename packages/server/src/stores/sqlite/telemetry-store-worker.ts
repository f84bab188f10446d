import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase, openReadOnly } from './database-file.ts'
import { toFailure } from './failure.ts'
import { openWorker } from './group-commit.ts'
import { hotFileOf } from './hot-file.ts'
import { createReadTurns } from './read-turns.ts'
import { createStoreWork } from './store-work.ts'
import type { StoreCalls, TelemetryWorkerData } from './telemetry-calls.ts'
import { telemetryDatabase } from './telemetry-schema.ts'
import type { Cancel, Reply, RequestOf } from './worker-reply.ts'

type Request = RequestOf<StoreCalls>

const HOT_CACHE_BYTES = 1024 * 1024

const { file, durability, seal }: TelemetryWorkerData = workerData

openWorker(() => {
  const db = openDatabase({ file, durability, ...telemetryDatabase })
  const hot = openReadOnly(hotFileOf(file), HOT_CACHE_BYTES)
  let replies: Reply[] = []
  const reply = (answer: Reply) => void replies.push(answer)
  const work = createStoreWork(db, hot, seal)
  const turns = createReadTurns(work, reply)
  let scheduled = false

  function take(message: Request | Cancel): void {
    if ('cancel' in message) {
      turns.cancel(message.cancel)
      return
    }
    const { id } = message
    switch (message.op) {
      case 'tend':
        work.tend(message.ask, (answer) => reply('failure' in answer ? { id, ...answer } : { id, value: answer }))
        schedule()
        return
      case 'close':
        answerAtOnce(id, () => {
          hot.close()
          db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
          db.close()
        })
        send()
        parentPort?.close()
        return
      case 'latest':
      case 'range':
      case 'raw':
      case 'committed':
        turns.push(message)
        schedule()
        return
      default:
        answerAtOnce(id, () => work.answer(message))
        schedule()
    }
  }

  function answerAtOnce(id: number, answer: () => unknown): void {
    try {
      reply({ id, value: answer() })
    } catch (error) {
      reply({ id, failure: toFailure(error) })
    }
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    // Between two turns the port is read: that is when a cancelled read goes.
    setImmediate(turn)
  }

  /** All answers of a turn in one message. */
  function send(): void {
    if (replies.length > 0) parentPort?.postMessage(replies, [])
    replies = []
  }

  /** Reads and background work take turns. */
  function turn(): void {
    scheduled = false
    const reads = turns.step()
    send()
    const more = work.background()
    send()
    if (reads || more) schedule()
  }

  parentPort?.on('message', (messages: (Request | Cancel)[]) => {
    for (const message of messages) take(message)
    // What was answered at once does not wait for a turn.
    send()
  })
  schedule()
  return undefined
})
