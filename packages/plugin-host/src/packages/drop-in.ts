import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@patchbay/sdk'
import { toText } from '../errors.ts'
import { archiveLimits, tooLarge } from './archive-limits.ts'
import type { Installer } from './installer.ts'
import { quietMs, watchFolder } from './watch.ts'

const packed = /^[^.].*\.tgz$/

export interface DropIn {
  start(): Promise<void>
  stop(): Promise<void>
}

export interface DropInOptions {
  /** Packed plugins that are put here wait for approval, as if they had been uploaded. */
  folder: string
  stage: Installer['stage']
  log: Log
}

/** Takes in packed plugins that somebody puts into a folder. A file is gone when it waits for approval, and renamed when it is refused. */
export function createDropIn({ folder, stage, log }: DropInOptions): DropIn {
  let end: () => Promise<void> = async () => undefined

  const take = async (name: string): Promise<void> => {
    const path = join(folder, name)
    try {
      const { size } = await lstat(path)
      if (size > archiveLimits.packedBytes) throw tooLarge(`it has more than ${archiveLimits.packedBytes} bytes`)
      const { id, release } = await stage(await readFile(path))
      await rm(path)
      log.info('a plugin that was put into the folder waits for approval', { plugin: id, version: release.version })
    } catch (error) {
      log.error('a plugin that was put into the folder is refused', { file: name, err: error, why: toText(error) })
      // So that it is looked at once, and people see which it was.
      await rename(path, `${path}.refused`)
    }
  }

  const scan = async (): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!entry.isFile() || !packed.test(entry.name)) continue
      // A copy that is under way changes the file; the watcher comes again when it is done.
      const { mtimeMs } = await lstat(join(folder, entry.name))
      if (Date.now() - mtimeMs < quietMs) await new Promise((resolve) => setTimeout(resolve, quietMs))
      if ((await lstat(join(folder, entry.name))).mtimeMs === mtimeMs) await take(entry.name)
    }
  }

  return {
    async start() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      end = watchFolder(folder, scan, { log })
      await scan()
    },
    stop: () => end(),
  }
}
