import { chmod, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'

/**
 * Makes the database's folder and file for their owner alone before SQLite sees them; SQLite gives its side files the mode of the
 * main one. A folder that is there already keeps its mode: it may be shared on purpose.
 */
export async function makePrivateFile(file: string, ...beside: readonly string[]): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    for (const path of [file, `${file}.lock`, ...beside]) {
      const handle = await open(path, 'a', 0o600)
      await handle.close()
      await chmod(path, 0o600)
    }
  } catch (error) {
    throw new StoreUnavailable(`cannot make ${file}`, { cause: error })
  }
}

/** Bytes of the database and its log. */
export async function fileBytes(file: string): Promise<number> {
  let bytes = 0
  for (const path of [file, `${file}-wal`]) {
    try {
      bytes += (await stat(path)).size
    } catch (error) {
      // The log is missing right after a close; nothing else may be.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
        throw new StoreUnavailable(`cannot read the size of ${path}`, { cause: error })
      }
    }
  }
  return bytes
}
