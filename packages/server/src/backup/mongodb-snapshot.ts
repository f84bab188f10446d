import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { takeSnapshot } from '../copy/snapshot.ts'
import { refuseUnfinishedCopy } from '../copy/unfinished.ts'
import { openStores } from '../parts/stores.ts'
import { BackupError } from './errors.ts'

/** A commit is seen by others at most so long after it was acknowledged. */
const SEEN_AFTER_MS = 1_000

/** The files in which the data folder holds what MongoDB holds otherwise. */
export const storeFiles: readonly string[] = ['registry.sqlite', 'telemetry.sqlite', 'telemetry.sqlite.hot']

/** Bytes that lie in the database, to tell how far a backup is. */
export interface MongoSource {
  bytes: number
  /** Writes the files of the stores into a folder, as a data folder has them; answers their names. */
  writeInto(folder: string, onShare: (share: number) => void): Promise<readonly string[]>
  close(): Promise<void>
}

/** Reads a database that a platform has open, or not. */
export async function openMongoSource(url: string): Promise<MongoSource> {
  // Only who uses MongoDB pays for its driver.
  const { connectMongo } = await import('../stores/mongodb/connection.ts')
  const { readMongoRegistry } = await import('../stores/mongodb/registry.ts')
  const { openTelemetryReader } = await import('../stores/mongodb/telemetry-reader.ts')
  const { bytesOf } = await import('../stores/mongodb/bytes.ts')
  const { telemetryCollectionNames } = await import('../stores/mongodb/telemetry-documents.ts')
  const link = await connectMongo({ url })
  try {
    const there = new Set((await link.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name))
    if (!there.has('schemas')) {
      const message = 'there is no Patchbay in this database: set MONGODB_URL to the one in use'
      throw new BackupError('BACKUP_SOURCE_MISSING', message)
    }
    const registry = readMongoRegistry(link.db)
    await refuseUnfinishedCopy(registry)
    const bytes = (await registry.size()) + (await bytesOf(link.db, telemetryCollectionNames))
    return {
      bytes,
      async writeInto(folder, onShare) {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await new Promise((resolve) => setTimeout(resolve, SEEN_AFTER_MS))
        const telemetry = await openTelemetryReader(link.db)
        let failed: Error | undefined
        // Nothing of it is kept when it is cut short, so nothing need be on the disk before its end.
        const to = await openStores({ data: folder, durability: 'relaxed' }, (error) => (failed ??= error))
        try {
          await takeSnapshot({
            from: { registry, telemetry },
            to,
            onProgress: (done, all) => onShare(all === 0 ? 1 : done / all),
          })
        } finally {
          await to.close()
        }
        if (failed) throw failed
        for (const name of await readdir(folder)) if (!storeFiles.includes(name)) await rm(join(folder, name))
        return storeFiles
      },
      close: () => link.close(),
    }
  } catch (error) {
    await link.close()
    throw error
  }
}
