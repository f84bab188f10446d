import { join } from 'node:path'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Db } from 'mongodb'
import { holdLock } from '../sqlite/database-file.ts'
import { makePrivateFile } from '../sqlite/private-file.ts'
import { defaultSealLimits, type SealLimits } from '../sqlite/seal-queue.ts'
import { toUnavailable } from './failure.ts'
import { takeLease } from './lease.ts'
import { MongoTelemetry } from './mongo-telemetry.ts'
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
}

/** Opens (or makes) the telemetry in a database, which nobody else has open meanwhile. */
export async function openMongoTelemetry(options: MongoTelemetryOptions): Promise<TelemetryStore> {
  const { db, folder, onFatal } = options
  const file = join(folder, 'mongodb-writer')
  await makePrivateFile(file)
  const lock = holdLock(file)
  try {
    const writer = await nameOfWriter(file)
    await prepareSchema(db, { name: 'telemetry', version: 1, indexes: telemetryIndexes })
    const collections = telemetryCollections(db)
    const taken = await takeLease(collections.meta, writer, (error) => onFatal?.(error))
    const lease = {
      async release() {
        await taken.release()
        lock.close()
      },
    }
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
    })
    await store.start()
    return store
  } catch (error) {
    lock.close()
    throw toUnavailable(error)
  }
}
