import { mkdir, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isThere } from './paths.ts'
import { type Manifest, openManifest, readManifest } from './manifest.ts'
import { restoreInPlace } from './restore-in-place.ts'
import { moveIntoMongodb } from './restore-into-mongodb.ts'
import { restoreFiles, type RestoreSource } from './restored-files.ts'

export interface RestoreOptions {
  from: string
  data: string
  passphrase?: string
  /** An empty database that registry and telemetry go into. */
  mongodbUrl?: string | undefined
  /** From 0 to 1, of what goes into the database. */
  onShare?: (share: number) => void
}

/**
 * Puts a backup into a data folder that is empty or not there. Every copy is held against the hash that was taken when the backup was
 * made; the platform finds the folder whole or not at all.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Manifest> {
  const { mongodbUrl, onShare = () => undefined } = options
  const data = resolve(options.data)
  const manifest = await readManifest(options.from)
  const seal = await openManifest(manifest, options.passphrase)
  const source: RestoreSource = { from: options.from, manifest, ...(seal ? { seal } : {}) }
  if (mongodbUrl !== undefined) {
    await mkdir(data, { recursive: true, mode: 0o700 })
    await restoreInPlace(source, data, (files) => moveIntoMongodb(files, mongodbUrl, onShare))
  } else if (await isThere(data)) await restoreInPlace(source, data, async () => undefined)
  else await restoreBeside(source, data)
  return manifest
}

/** The folder gets its name when it is whole. */
async function restoreBeside(source: RestoreSource, data: string): Promise<void> {
  const part = `${data}.restoring`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true, mode: 0o700 })
  try {
    await restoreFiles(source, part)
    await rename(part, data)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
}
