import { parentPort, workerData } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import { holdLock, openDatabase } from './database-file.ts'
import { StoreCorrupt } from './errors.ts'
import { toFailure } from './failure.ts'
import { shrinkHot } from './free-pages.ts'
import { createGroupCommit, openWorker } from './group-commit.ts'
import { openHotFile } from './hot-file.ts'
import { countHot, createHotLog } from './hot-log.ts'
import { moveRows } from './moved-rows.ts'
import { ROW_BYTES } from './packed-rows.ts'
import type { LogCalls, LogOpened, TelemetryWorkerData } from './telemetry-calls.ts'
import { telemetryDatabase } from './telemetry-schema.ts'
import type { RequestOf } from './worker-reply.ts'

type Request = RequestOf<LogCalls>

/** Points of one transaction, so that a commit stays short. */
const MAX_GROUP_POINTS = 25_000

const { file, durability }: TelemetryWorkerData = workerData

openWorker((): LogOpened => {
  const lock = holdLock(file)
  const db = openHotFile(file, durability)
  const { floor, ...opened } = prepare(db)
  const log = createHotLog(db, floor)
  let trimmed = false
  const group = createGroupCommit<Request>({
    db,
    weight: (request) => (request.op === 'append' ? request.ask.body.length / ROW_BYTES : 1),
    maxWeight: MAX_GROUP_POINTS,
    apply: (request) => {
      switch (request.op) {
        case 'append':
          return log.append(request.ask)
        case 'trim':
          trimmed = true
          return log.trim(request.ask)
        case 'barrier':
        case 'close':
          return undefined
      }
    },
    isClose: (request) => request.op === 'close',
    onRollback: () => log.restore(),
    background: () => {
      if (trimmed) shrinkSome(db)
      trimmed = false
      return false
    },
    onClose: () => {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
      lock.close()
    },
  })
  parentPort?.on('message', (requests: Request[]) => {
    for (const request of requests) group.push(request)
  })
  return { ...opened, lastSeq: log.lastSeq() }
})

function shrinkSome(db: DatabaseSync): void {
  try {
    shrinkHot(db)
  } catch (error) {
    if (toFailure(error).sort === 'corrupt') throw error
    // The disk cannot take it now; it is tried again after the next trim.
  }
}

/** Makes the database ready for the storing thread and looks where the log has come. */
function prepare(hot: DatabaseSync): Omit<LogOpened, 'lastSeq'> & { floor: number } {
  const db = openDatabase({ file, durability, ...telemetryDatabase })
  try {
    moveRows(db, hot)
    const { points, lastSeries } = countHot(hot)
    const meta = db
      .prepare(
        `SELECT writer, max(seq_floor, ifnull((SELECT max(seq_to) FROM chunk), 0)) AS floor, max(last_series,
          ifnull((SELECT max(id) FROM series), 0)) AS last FROM meta`,
      )
      .get()
    const writer = meta?.['writer']
    if (typeof writer !== 'string') throw new StoreCorrupt('the name of the writer is missing')
    return {
      writer,
      lastSeries: Math.max(lastSeries, Number(meta?.['last'])),
      hotPoints: points,
      floor: Number(meta?.['floor']),
    }
  } finally {
    db.close()
  }
}
