import { copyFile, mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { stagingFolder } from './data-files.ts'
import { copyDatabase } from './database-copy.ts'
import type { BackupSeal } from './encryption.ts'
import { BackupError } from './errors.ts'
import { hashFile, type Manifest } from './manifest.ts'
import { syncPath } from './paths.ts'

type File = Manifest['files'][number]

/** Puts files into a backup; each is on disk when its entry is answered. */
export interface BackupWriter {
  database(source: DatabaseSync, path: string, onShare: (share: number) => void): Promise<File>
  plain(path: string): Promise<File>
  /** A folder to make files in, where about so many bytes have room. */
  stage(bytes: number): Promise<string>
  /** Takes a file from there. */
  made(file: string, path: string): Promise<File>
  close(): Promise<void>
}

/** Stays free of the data folder's disk while a database is copied on it. */
const spareBytes = 256 * 1024 * 1024

/** An encrypted file of a backup. */
export const toSealedPath = (path: string): string => `${path}.enc`

/** In the backup, or where it is staged, while it is made. */
const stageFolder = '.making'
const makeStage = async (folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

const makeFolder = (copy: string): Promise<unknown> => mkdir(dirname(copy), { recursive: true, mode: 0o700 })

export function createPlainWriter(data: string, part: string): BackupWriter {
  const settle = async (path: string): Promise<File> => {
    const copy = join(part, path)
    await syncPath(copy)
    return { path, bytes: (await stat(copy)).size, sha256: await hashFile(copy) }
  }
  return {
    async database(source, path, onShare) {
      await makeFolder(join(part, path))
      await copyDatabase(source, join(part, path), onShare)
      return settle(path)
    },
    async plain(path) {
      await makeFolder(join(part, path))
      await copyFile(join(data, path), join(part, path))
      return settle(path)
    },
    stage: async () => makeStage(join(part, stageFolder)),
    async made(file, path) {
      await rename(file, join(part, path))
      return settle(path)
    },
    close: () => rm(join(part, stageFolder), { recursive: true, force: true }),
  }
}

/** Nothing in plain text comes near the backup: a database is copied where it lies before it is sealed. */
export async function createSealedWriter(data: string, part: string, seal: BackupSeal): Promise<BackupWriter> {
  await dropDeadStaging(data)
  const staging = join(data, stagingFolder, String(process.pid))
  const sealInto = async (plain: string, path: string): Promise<File> => {
    const copy = join(part, toSealedPath(path))
    await makeFolder(copy)
    const { size: bytes, mode } = await stat(plain)
    const sha256 = await hashFile(plain, seal.hash())
    await seal.seal(plain, copy, path)
    await syncPath(copy)
    return { path, bytes, sha256, mode: mode & 0o700 }
  }
  return {
    async database(source, path, onShare) {
      await refuseFullDisk(data, (await stat(join(data, path))).size, path)
      const copy = join(staging, 'copy')
      await makeFolder(copy)
      await copyDatabase(source, copy, onShare)
      const file = await sealInto(copy, path)
      await rm(copy)
      return file
    },
    plain: (path) => sealInto(join(data, path), path),
    async stage(bytes) {
      await refuseFullDisk(data, bytes, 'what lies in MongoDB')
      return makeStage(join(staging, stageFolder))
    },
    async made(file, path) {
      const sealed = await sealInto(file, path)
      await rm(file)
      return sealed
    },
    close: () => rm(staging, { recursive: true, force: true }),
  }
}

/** A disk that ran full for a backup would refuse what devices send. */
async function refuseFullDisk(data: string, size: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(data)
  if (bavail * bsize > size + spareBytes) return
  const message = `${data} has no room for a copy of ${what}, which an encrypted backup is made from: free some`
  throw new BackupError('BACKUP_NO_ROOM', message)
}

/** Copies of backups that were killed. */
async function dropDeadStaging(data: string): Promise<void> {
  const folder = join(data, stagingFolder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder))
    if (!isAlive(Number(name))) await rm(join(folder, name), { recursive: true })
}

const isAlive = (pid: number): boolean => {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
