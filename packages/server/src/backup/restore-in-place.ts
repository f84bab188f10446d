import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isThere, syncPath } from './paths.ts'
import { BackupError } from './errors.ts'
import { restoreFiles, type RestoreSource } from './restored-files.ts'
import { finishedRestore, unfinishedRestore } from './unfinished-restore.ts'

/** What may lie in a folder that counts as empty: the compile cache of a start that failed, and what file systems put there. */
const passing = new Set(['cache', 'lost+found', unfinishedRestore])

/**
 * Fills a folder that is there, which may be a mount point (a volume) and then cannot be replaced. All files are copied and checked in a folder
 * inside, then moved up. While that folder is there no platform starts on it, and the same command goes on where it was cut off.
 */
export async function restoreInPlace(
  source: RestoreSource,
  data: string,
  /** What is still to be done to the files before they are there. */
  finish: (files: string) => Promise<void>,
): Promise<void> {
  const inside = join(data, unfinishedRestore)
  const files = join(inside, 'files')
  // There = all files are checked, and some may have been moved up; it names the backup.
  const moving = join(inside, 'moving.json')
  const name = JSON.stringify(source.manifest)
  const begun = (await isThere(moving)) ? await readFile(moving, 'utf8') : undefined
  if (begun !== undefined && begun !== name)
    throw new BackupError(
      'RESTORE_TARGET_TAKEN',
      `${data} is half restored from another backup: name that one (its \`at\` is ${readAt(begun)}), or empty the folder`,
    )
  if (begun === undefined) {
    if ((await readdir(data)).some((entry) => !passing.has(entry))) {
      const message = `${data} is not empty: stop Patchbay, move the folder away, or set PATCHBAY_DATA to another one`
      throw new BackupError('RESTORE_TARGET_TAKEN', message)
    }
    await copyInside(source, data, { inside, files })
    await writeFile(`${moving}.new`, name, { mode: 0o600, flush: true })
    await rename(`${moving}.new`, moving)
    await syncPath(inside)
  }
  await finish(files)
  for (const entry of await readdir(files)) await rename(join(files, entry), join(data, entry))
  await syncPath(data)
  // Last of all, and at once: this is what keeps a platform from starting.
  const done = join(data, finishedRestore)
  await rename(inside, done)
  await syncPath(data)
  await rm(done, { recursive: true })
}

async function copyInside(source: RestoreSource, data: string, at: { inside: string; files: string }): Promise<void> {
  try {
    await mkdir(at.files, { recursive: true, mode: 0o700 })
    await syncPath(data)
    await restoreFiles(source, at.files)
  } catch (error) {
    // Of a backup that is no good nothing stays; after a full disk or the like the command goes on from here.
    if (error instanceof BackupError) await rm(at.inside, { recursive: true, force: true })
    throw error
  }
}

const readAt = (text: string): string => /"at":"([^"]{1,40})"/.exec(text)?.[1] ?? 'unknown'
