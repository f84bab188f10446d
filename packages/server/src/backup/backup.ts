import { mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { type BackupWriter, createPlainWriter, createSealedWriter } from './backup-writer.ts'
import { listDataFiles } from './data-files.ts'
import { type BackupSeal, createSeal } from './encryption.ts'
import { BackupError } from './errors.ts'
import { backupFormat, type Manifest, manifestName, plainFormat, readProductVersion, toSignedText } from './manifest.ts'
import { isThere, syncPath } from './paths.ts'
import { pinDatabases } from './pinned-databases.ts'

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
}

/**
 * Copies a data folder into a new folder, while a platform runs on it or not. All databases are of one moment (`at`). The folder has its name
 * only once it is whole, checked and on disk.
 */
export async function createBackup({ data, passphrase, ...options }: BackupOptions): Promise<Backup> {
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
    const { leftOut, ...written } = await writeFiles(data, writer)
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
): Promise<Pick<Manifest, 'at' | 'masterKey' | 'files'> & { leftOut: string[] }> {
  const { databases, plain, leftOut } = await listDataFiles(data)
  const files: Manifest['files'] = []
  const pinned = await pinDatabases(databases.map((path) => join(data, path)))
  try {
    for (const path of databases) {
      const source = pinned.databases.get(join(data, path))
      if (source) files.push(await writer.database(source, path))
    }
  } finally {
    pinned.release()
    await writer.close()
  }
  for (const path of plain) files.push(await writer.plain(path))
  return { at: pinned.at.toISOString(), masterKey: plain.includes('master.key'), files, leftOut }
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
