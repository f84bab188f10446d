import { mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { type BackupWriter, createPlainWriter, createSealedWriter } from './backup-writer.ts'
import { listDataFiles } from './data-files.ts'
import { type BackupSeal, createSeal } from './encryption.ts'
import { BackupError } from './errors.ts'
import { backupFormat, type Manifest, manifestName, plainFormat, readProductVersion, toSignedText } from './manifest.ts'
import { openMongoSource, storeFiles } from './mongodb-snapshot.ts'
import { isThere, syncPath } from './paths.ts'
import { pinDatabases } from './pinned-databases.ts'
import { createShare } from './share.ts'

export interface Backup extends Manifest {
  folder: string
  leftOut: string[]
}

export interface BackupOptions {
  data: string
  /** A folder that is not there yet. */
  into: string
  /** Encrypts it. */
  passphrase?: string
  /** Where registry and telemetry lie when they are not in the data folder. */
  mongodbUrl?: string | undefined
  /** From 0 to 1. */
  onShare?: (share: number) => void
}

/**
 * Copies a data folder into a new folder, while a platform runs on it or not. All databases are of one moment (`at`). The folder has its name
 * only once it is whole, checked and on disk.
 */
export async function createBackup({
  data,
  passphrase,
  mongodbUrl,
  onShare,
  ...options
}: BackupOptions): Promise<Backup> {
  const into = resolve(options.into)
  if (!(await isDataFolder(data))) {
    throw new BackupError('BACKUP_SOURCE_MISSING', `${data} is no data folder: set PATCHBAY_DATA to the one in use`)
  }
  await refuseTaken(data, into)
  const part = `${into}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { mode: 0o700 })
  try {
    const seal = passphrase === undefined ? undefined : await createSeal(passphrase)
    const writer = seal ? await createSealedWriter(data, part, seal) : createPlainWriter(data, part)
    const { leftOut, ...written } = await writeFiles(data, writer, mongodbUrl, onShare)
    const manifest = sign(
      { format: seal ? backupFormat : plainFormat, version: readProductVersion(), ...written },
      seal,
    )
    await writeFile(join(part, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
    await syncPath(join(part, manifestName))
    await syncPath(part)
    await rename(part, into)
    await syncPath(dirname(into))
    return { ...manifest, folder: into, leftOut }
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
}

const sign = (manifest: Manifest, seal: BackupSeal | undefined): Manifest => {
  if (!seal) return manifest
  const whole = { ...manifest, encryption: seal.encryption }
  return { ...whole, mac: seal.sign(toSignedText(whole)) }
}

async function writeFiles(
  data: string,
  writer: BackupWriter,
  mongodbUrl: string | undefined,
  onShare: (share: number) => void = () => undefined,
): Promise<Pick<Manifest, 'at' | 'masterKey' | 'files'> & { leftOut: string[] }> {
  const found = await listDataFiles(data)
  // What a data folder holds beside MongoDB is of an earlier time, and the name of its writer is for one platform alone.
  const isOwn = (path: string): boolean =>
    mongodbUrl === undefined || !(storeFiles.includes(path) || path === 'mongodb-writer')
  const [databases, plain] = [found.databases.filter(isOwn), found.plain.filter(isOwn)]
  const mongodb = mongodbUrl === undefined ? undefined : await openMongoSource(mongodbUrl)
  const files: Manifest['files'] = []
  const share = await createShare(data, [...databases, ...plain], mongodb?.bytes ?? 0, onShare)
  try {
    const pinned = await pinDatabases(databases.map((path) => join(data, path)))
    try {
      for (const path of databases) {
        const source = pinned.databases.get(join(data, path))
        if (source) files.push(await writer.database(source, path, share.within(path)))
        share.done(path)
      }
    } finally {
      pinned.release()
    }
    // Jobs and sessions first: what they do not know yet is read later, as after a kill.
    if (mongodb) {
      const stage = await writer.stage(mongodb.bytes)
      for (const path of await mongodb.writeInto(stage, share.mongodb))
        files.push(await writer.made(join(stage, path), path))
    }
    for (const path of plain) {
      files.push(await writer.plain(path))
      share.done(path)
    }
    return { at: pinned.at.toISOString(), masterKey: plain.includes('master.key'), files, leftOut: found.leftOut }
  } finally {
    await writer.close()
    await mongodb?.close()
  }
}

/** On MongoDB there is no registry here, but keys, sessions and jobs. */
const isDataFolder = async (data: string): Promise<boolean> => {
  for (const name of ['registry.sqlite', 'jobs.sqlite', 'master.key', 'tls'])
    if (await isThere(join(data, name))) return true
  return false
}

async function refuseTaken(data: string, into: string): Promise<void> {
  if (await isThere(into)) {
    throw new BackupError('BACKUP_TARGET_TAKEN', `${into} is there already: name a folder that is not`)
  }
  const parent = dirname(into)
  await mkdir(parent, { recursive: true })
  const [inside, real] = [join(await realpath(parent), basename(into)), await realpath(data)]
  if (inside.startsWith(`${real}${sep}`)) {
    throw new BackupError(
      'BACKUP_TARGET_TAKEN',
      `${into} lies in the data folder: name one outside, best on another disk`,
    )
  }
}
