import { parentPort, workerData } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import { holdLock, openDatabase } from './database-file.ts'
import { toFailure } from './failure.ts'
import { shrink } from './free-pages.ts'
import { createGroupCommit, openWorker } from './group-commit.ts'
import { createGrowth } from './growth.ts'
import { createHotLog } from './hot-log.ts'
import { createPurge } from './purge.ts'
import { createRetention } from './retention.ts'
import { createRollupWork } from './rollup-work.ts'
import { createSealing } from './sealing.ts'
import type { TelemetryWorkerData, WriterCalls, WriterOpened } from './telemetry-calls.ts'
import { telemetrySchema, telemetrySchemaVersion, telemetryUpgrades } from './telemetry-schema.ts'
import type { RequestOf } from './worker-reply.ts'

type Request = RequestOf<WriterCalls>

/** Holds the newest index page of some 4,000 series; beyond that pages come from the system's cache. */
const CACHE_BYTES = 16 * 1024 * 1024
/** Points of one transaction: some 100 ms of work at most. */
const MAX_GROUP_POINTS = 25_000
/** How often slow series are looked for. */
const SWEEP_EVERY_MS = 60_000

const { file, durability, seal }: TelemetryWorkerData = workerData

openWorker((): WriterOpened => {
  const lock = holdLock(file)
  const db = openDatabase({
    file,
    durability,
    shrinks: true,
    cacheBytes: CACHE_BYTES,
    schemaVersion: telemetrySchemaVersion,
    schema: telemetrySchema,
    upgrades: telemetryUpgrades,
  })
  const log = createHotLog(db)
  const purge = createPurge(db, log)
  const sealing = createSealing(db, log, seal)
  const rollups = createRollupWork(db)
  const retention = createRetention(db, log)
  const growth = createGrowth(db)
  let houseDue = true
  /** The hour's sample and free pages, when nothing else is to be done; answers whether there is more. */
  function keepHouse(): boolean {
    if (!houseDue) return false
    try {
      growth.sample(log.lastSeq(), Date.now())
      houseDue = shrink(db)
    } catch (error) {
      if (toFailure(error).sort === 'corrupt') throw error
      // The disk cannot take it now; it is tried again with the next sweep.
      houseDue = false
    }
    return houseDue
  }
  const group = createGroupCommit<Request>({
    db,
    weight: (request) => (request.op === 'append' ? request.ask.batch.length : 1),
    maxWeight: MAX_GROUP_POINTS,
    apply: (request) => {
      switch (request.op) {
        case 'append':
          log.append(request.ask.batch, request.ask.definitions)
          sealing.added(request.ask.batch)
          return undefined
        case 'deleteDevice':
          return purge.doom(request.ask.device)
        case 'retain':
          return retention.drop(request.ask)
        case 'hold':
          return retention.hold(request.ask.follower, request.ask.seq)
        case 'stats':
          return { ...log.stats(), pointsPerDay: growth.pointsPerDay(log.lastSeq(), Date.now()) }
        case 'close':
          return undefined
      }
    },
    isClose: (request) => request.op === 'close',
    onRollback: () => log.restore(),
    background: () => purge.step() || sealing.step() || rollups.step(Date.now() - seal.rollupAfterMs) || keepHouse(),
    onClose: () => close(db, lock),
  })
  setInterval(() => {
    sealing.sweep()
    houseDue = true
    group.wake()
  }, SWEEP_EVERY_MS).unref()
  parentPort?.on('message', (request: Request) => group.push(request))
  return { writer: log.writer, lastSeries: log.lastSeries }
})

function close(db: DatabaseSync, lock: DatabaseSync): void {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  lock.close()
}
