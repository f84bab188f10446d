import { join } from 'node:path'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Db } from 'mongodb'
import { holdLock } from '../sqlite/database-file.ts'
import { makePrivateFile } from '../sqlite/private-file.ts'
import { defaultSealLimits, type SealLimits } from '../sqlite/seal-queue.ts'
import { toUnavailable } from './failure.ts'
import { takeLease } from './lease.ts'
import { takeIds } from './series-ids.ts'
import { MongoTelemetry, type TelemetrySharing } from './mongo-telemetry.ts'
import { prepareSchema } from './schema.ts'
import { telemetryCollections, telemetryIndexes } from './telemetry-documents.ts'
import { findEnd, nameOfWriter } from './writer.ts'

export interface MongoTelemetryOptions {
  db: Db
  /** Where the writer's name is kept: this folder's platform goes on at once after a kill. */
  folder: string
  /** For tests and measurements. */
  seal?: Partial<SealLimits>
  /** Somebody else has taken the database over; nothing may be written any more. */
  onFatal?: (error: Error) => void
  /** Other nodes may have the database open at the same time; without it nobody may. */
  share?: (writer: string) => Promise<SharedDatabase>
}

export interface SharedDatabase extends TelemetrySharing {
  /** No other node is there. */
  isLast(): boolean
}

/** Who holds the database while nodes share it; an older version, or a copy, sees by it that it is in use. */
const NODES = 'nodes'

export interface OpenedMongoTelemetry extends TelemetryStore {
  /** Brings the log of a node that is gone to its end, and packs what it has left, until it is told to stop. */
  adopt(writer: string, stop: () => boolean): Promise<void>
}

/** Opens (or makes) the telemetry in a database, which nobody else has open meanwhile. */
export async function openMongoTelemetry(options: MongoTelemetryOptions): Promise<OpenedMongoTelemetry> {
  const { db, folder, onFatal, share } = options
  const file = join(folder, 'mongodb-writer')
  await makePrivateFile(file)
  const lock = holdLock(file)
  let release = async (): Promise<void> => lock.close()
  try {
    const writer = await nameOfWriter(file)
    await prepareSchema(db, { name: 'telemetry', version: 1, indexes: telemetryIndexes })
    const sharing = await share?.(writer)
    const collections = telemetryCollections(db)
    const taken = await takeLease(collections.meta, sharing ? NODES : writer, (error) => onFatal?.(error))
    const lease = {
      async release() {
        await taken.release(sharing?.isLast() ?? true)
        lock.close()
      },
    }
    release = () => lease.release()
    const lastSeq = await findEnd(collections, writer)
    const others = await collections.writers.find({ _id: { $ne: writer } }).toArray()
    const store = new MongoTelemetry({
      db,
      writer,
      lease,
      lastSeq,
      lastSeries: (await collections.meta.findOne({ _id: 'series' }))?.last ?? 0,
      ends: Object.fromEntries(others.map(({ _id, to }) => [_id, to])),
      seal: { ...defaultSealLimits, ...options.seal },
      sharing,
      ids: sharing && (await takeIds(collections)),
    })
    release = () => store.close()
    await store.start()
    return store
  } catch (error) {
    // The reason goes on, whatever comes of the closing.
    await Promise.allSettled([release()])
    throw toUnavailable(error)
  }
}
