import { chmod, copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isThere, syncPath } from './backup.ts'
import { BackupError } from './errors.ts'
import { hashFile, type Manifest, readManifest } from './manifest.ts'

/**
 * Puts a backup into a data folder that is empty or not there. Every copy is held against the hash that was taken when the backup was
 * made; the folder is there whole or not at all.
 */
export async function restoreBackup(options: { from: string; data: string }): Promise<Manifest> {
  const { from } = options
  const data = resolve(options.data)
  const manifest = await readManifest(from)
  if ((await isThere(data)) && (await readdir(data)).length > 0) {
    const message = `${data} is not empty: stop Patchbay, move the folder away, or set PATCHBAY_DATA to another one`
    throw new BackupError('RESTORE_TARGET_TAKEN', message)
  }
  const part = `${data}.restoring`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true, mode: 0o700 })
  try {
    for (const file of manifest.files) await restoreFile(from, part, file)
    await syncFolders(part, manifest)
    // An empty folder gives way to the whole one.
    await rename(part, data)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
  return manifest
}

async function restoreFile(from: string, part: string, file: Manifest['files'][number]): Promise<void> {
  const copy = join(part, file.path)
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
  try {
    await copyFile(join(from, file.path), copy)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    throw new BackupError('BACKUP_DAMAGED', `${file.path} is missing in the backup: take another one`, { cause })
  }
  if ((await stat(copy)).size !== file.bytes || (await hashFile(copy)) !== file.sha256) {
    throw new BackupError('BACKUP_DAMAGED', `${file.path} is not as it was when the backup was made: take another one`)
  }
  // Backups travel over disks that know no rights; what is kept is for its owner's eyes only.
  await chmod(copy, (await stat(copy)).mode & 0o700)
  await syncPath(copy)
}

async function syncFolders(part: string, { files }: Manifest): Promise<void> {
  const folders = new Set(files.map(({ path }) => dirname(join(part, path))))
  for (const folder of folders) await syncPath(folder)
}
