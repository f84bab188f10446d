import { chmod, copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { toSealedPath } from './backup-writer.ts'
import type { BackupSeal } from './encryption.ts'
import { BackupError } from './errors.ts'
import { hashFile, type Manifest } from './manifest.ts'
import { isThere, syncPath } from './paths.ts'

type File = Manifest['files'][number]

/** A backup that was read and, where it is encrypted, opened. */
export interface RestoreSource {
  from: string
  manifest: Manifest
  seal?: BackupSeal
}

/** Copies what a backup holds, checked and on disk when this resolves. What lies there whole already is not copied again, what does not belong there goes. */
export async function restoreFiles(source: RestoreSource, into: string): Promise<void> {
  const { manifest, seal } = source
  await dropOthers(into, new Set(manifest.files.map(({ path }) => path)))
  for (const file of manifest.files)
    if (!(await isWhole(join(into, file.path), file, seal))) await restoreFile(source, into, file)
  const folders = new Set(manifest.files.map(({ path }) => dirname(join(into, path))))
  for (const folder of [...folders, into]) await syncPath(folder)
}

async function dropOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isDirectory() && !wanted.has(relative(folder, path).split(sep).join('/'))) await rm(path)
  }
}

const isWhole = async (copy: string, { bytes, sha256 }: File, seal?: BackupSeal): Promise<boolean> =>
  (await isThere(copy)) && (await stat(copy)).size === bytes && (await hashFile(copy, seal?.hash())) === sha256

async function restoreFile({ from, seal }: RestoreSource, into: string, file: File): Promise<void> {
  const copy = join(into, file.path)
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
  try {
    if (seal) await seal.open(join(from, toSealedPath(file.path)), copy, file.path)
    else await copyFile(join(from, file.path), copy)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    throw new BackupError('BACKUP_DAMAGED', `${file.path} is missing in the backup: take another one`, { cause })
  }
  if (!(await isWhole(copy, file, seal)))
    throw new BackupError('BACKUP_DAMAGED', `${file.path} is not as it was when the backup was made: take another one`)
  // Backups travel over disks that know no rights; what is kept is for its owner's eyes only.
  await chmod(copy, file.mode ?? (await stat(copy)).mode & 0o700)
  await syncPath(copy)
}
