import { randomBytes } from 'node:crypto'
import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from './make-folder.ts'

/** Reads a file that may be missing. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    // ENOTDIR: its folder is a file, which whoever needs the folder says.
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined
    throw cause
  }
}

/** Writes a whole file or nothing, on disk when this resolves; never readable by others for a moment when the mode says so. */
export async function writeWhole(path: string, content: string, mode: number): Promise<void> {
  const folder = dirname(path)
  await makeFolder(folder, 0o700)
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
  await syncFolder(folder)
}

/** A private file whose mode was widened (by a copy, a restore) is closed again. */
export const closeToOthers = (path: string): Promise<void> => chmod(path, 0o600)

// The name is durable only when its folder is.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
