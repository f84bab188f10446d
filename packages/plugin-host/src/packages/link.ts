import { cp, lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { apiVersion as sdkApiVersion, type Log } from '@patchbay/sdk'
import { HostError } from '../errors.ts'
import type { PackageExchange } from '../exchange.ts'
import { archiveLimits } from './archive-limits.ts'
import { loadPlugin } from './load-plugin.ts'
import { checkUnpacked } from './package-rules.ts'
import { hashTree } from './tree-hash.ts'
import { watchFolder } from './watch.ts'

/** What an author has lying about and no package holds. */
const leftOut = new Set(['node_modules', '.git', 'coverage'])

export interface LinkOptions {
  /** The author's folders, each with a plugin.json at its top. */
  folders: readonly string[]
  /** Copies of them, which the code is loaded from: only so is a changed file another module. Emptied at each start. */
  copies: string
  isBundled(id: string): boolean
  exchange: PackageExchange
  log: Log
}

export interface Links {
  start(): Promise<void>
  stop(): Promise<void>
}

/** An author waits for this after each save. A build that is read half is not taken, and read again when the rest comes. */
const linkQuietMs = 75

const nothing = async (): Promise<void> => undefined

/** For authors: runs plugins straight from their folders, and again whenever something in them changes. A version that does not load leaves the one before. */
export function createLinks({ folders, copies, isBundled, exchange, log }: LinkOptions): Links {
  const ends: (() => Promise<void>)[] = []
  let count = 0

  const copy = async (folder: string, target: string): Promise<void> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .filter((path) => !path.split(sep).some((part) => leftOut.has(part)))
    if (files.length > archiveLimits.entries)
      throw new HostError('PACKAGE_TOO_LARGE', `${folder} has more than ${archiveLimits.entries} files.`)
    for (const path of files) {
      if ((await lstat(join(folder, path))).size > archiveLimits.fileBytes)
        throw new HostError('PACKAGE_TOO_LARGE', `${path} has more than ${archiveLimits.fileBytes} bytes.`)
      await cp(join(folder, path), join(target, path))
    }
  }

  const follow = (folder: string): (() => Promise<void>) => {
    let running = { sha512: '', path: '' }
    return async () => {
      const path = join(copies, String((count += 1)))
      let taken = false
      try {
        await mkdir(path, { recursive: true, mode: 0o700 })
        await copy(folder, path)
        const { sha512, paths } = await hashTree(path)
        if (sha512 === running.sha512) return
        const { manifest, version } = await checkUnpacked(path, paths, sdkApiVersion)
        const { id } = manifest
        if (isBundled(id)) throw new HostError('PLUGIN_ID_TAKEN', `${id} comes with the platform.`)
        const source = {
          id,
          version,
          bundled: false,
          linked: true,
          manifestFile: join(path, 'plugin.json'),
          load: () => loadPlugin(path),
        }
        await exchange.replace(source, { begin: nothing, commit: nothing, undone: nothing })
        taken = true
        const before = running.path
        running = { sha512, path }
        if (before !== '') await rm(before, { recursive: true, force: true })
        log.info('a linked plugin runs', { plugin: id, version, folder })
      } catch (error) {
        log.error('a linked plugin was not taken; the one before goes on', { folder, err: error })
      } finally {
        if (!taken) await rm(path, { recursive: true, force: true })
      }
    }
  }

  return {
    async start() {
      await rm(copies, { recursive: true, force: true })
      for (const folder of folders) {
        const look = follow(folder)
        await look()
        ends.push(watchFolder(folder, look, { log, recursive: true, waitMs: linkQuietMs }))
      }
    },
    async stop() {
      await Promise.all(ends.map((end) => end()))
    },
  }
}
