import { chmod, copyFile, lstat, mkdir, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { listDataFiles } from './data-files.ts'
import { BackupError } from './errors.ts'
import { backupFormat, hashFile, type Manifest, manifestName, readProductVersion } from './manifest.ts'
import { pinDatabases } from './pinned-databases.ts'

/** Pages of one step; between two steps the thread does other work. */
const STEP_PAGES = 1_024

export interface Backup extends Manifest {
  folder: string
  leftOut: string[]
}

/**
 * Copies a data folder into a new folder, while a platform runs on it or not. All databases are of one moment (`at`). The folder has its name
 * only once it is whole, checked and on disk.
 */
export async function createBackup(options: { data: string; into: string }): Promise<Backup> {
  const { data } = options
  const into = resolve(options.into)
  if (!(await isThere(join(data, 'registry.sqlite')))) {
    throw new BackupError('BACKUP_SOURCE_MISSING', `${data} is no data folder: set PATCHBAY_DATA to the one in use`)
  }
  await refuseTaken(data, into)
  const part = `${into}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { mode: 0o700 })
  try {
    const files = await listDataFiles(data)
    const pinned = await pinDatabases(files.databases.map((path) => join(data, path)))
    try {
      for (const path of files.databases) {
        const source = pinned.databases.get(join(data, path))
        if (source) await copyDatabase(source, join(part, path))
      }
    } finally {
      pinned.release()
    }
    for (const path of files.plain) {
      await mkdir(dirname(join(part, path)), { recursive: true, mode: 0o700 })
      await copyFile(join(data, path), join(part, path))
    }
    const manifest: Manifest = {
      format: backupFormat,
      version: readProductVersion(),
      at: pinned.at.toISOString(),
      masterKey: files.plain.includes('master.key'),
      files: [],
    }
    for (const path of [...files.databases, ...files.plain]) {
      const copy = join(part, path)
      await syncPath(copy)
      manifest.files.push({ path, bytes: (await stat(copy)).size, sha256: await hashFile(copy) })
    }
    await writeFile(join(part, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
    await syncPath(join(part, manifestName))
    await syncPath(part)
    await rename(part, into)
    await syncPath(dirname(into))
    return { ...manifest, folder: into, leftOut: files.leftOut }
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
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

async function copyDatabase(source: DatabaseSync, copy: string): Promise<void> {
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
  // The source has a read transaction open, which the copy is taken from however much is written meanwhile.
  await backup(source, copy, { rate: STEP_PAGES })
  await chmod(copy, 0o600)
  const db = new DatabaseSync(copy, { readOnly: true })
  try {
    const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok')
      throw new BackupError('BACKUP_DAMAGED', `the database is damaged (${basename(copy)}: ${String(found)})`)
  } finally {
    db.close()
  }
  // What the check leaves beside a database that keeps a log; it is empty.
  for (const side of ['-wal', '-shm']) await rm(`${copy}${side}`, { force: true })
}

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
