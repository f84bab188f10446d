import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const unfinished = '.part'

export interface EndedFiles {
  /** Ended files are looked after: compressed, and the oldest dropped. One run at a time; another one follows when asked meanwhile. */
  tend(): void
  /** Waits for the run under way. */
  close(): Promise<void>
}

export interface EndedFilesOptions {
  folder: string
  /** Whether a name is that of an ended file. */
  isEnded: (name: string) => boolean
  compress: boolean
  keepFiles: number
  signal: AbortSignal
  failed: (error: unknown) => void
}

/** Makes a `.gz` of a file, which is there whole or not at all. */
async function gzip(path: string, signal: AbortSignal): Promise<void> {
  const part = `${path}.gz${unfinished}`
  await pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(part, { mode: 0o600 }), { signal })
  const handle = await open(part, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, `${path}.gz`)
  await rm(path)
}

export function createEndedFiles(options: EndedFilesOptions): EndedFiles {
  const { folder, isEnded, compress, keepFiles, signal, failed } = options
  let running: Promise<void> | undefined
  let again = false

  const run = async (): Promise<void> => {
    const names = await readdir(folder)
    // A compression that a death cut off; its source is still there.
    for (const name of names) if (name.endsWith(unfinished)) await rm(join(folder, name), { force: true })
    // Names begin with their time and number, so they sort by age.
    const ended = names.filter(isEnded).toSorted()
    const dropped = keepFiles === 0 ? [] : ended.slice(0, Math.max(0, ended.length - keepFiles))
    for (const name of dropped) await rm(join(folder, name), { force: true })
    if (!compress) return
    for (const name of ended) {
      if (signal.aborted) return
      if (!name.endsWith('.gz') && !dropped.includes(name)) await gzip(join(folder, name), signal)
    }
  }

  const tend = (): void => {
    if (running) {
      again = true
      return
    }
    running = run()
      .catch((error: unknown) => {
        if (!signal.aborted) failed(error)
      })
      .finally(() => {
        running = undefined
        if (again && !signal.aborted) {
          again = false
          tend()
        }
      })
  }
  return {
    tend,
    async close() {
      await running
    },
  }
}
