import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@patchbay/sdk'
import { type Clock, systemClock } from '../clock.ts'

/** A build or a copy makes many changes at once: they are looked at when nothing more has come for this long. */
export const quietMs = 200
/** Folders of libraries and of versions hold thousands of files, none of which is anybody's work. */
const unwatched = new Set(['node_modules', '.git'])
/** Folders inside one that is watched; what lies deeper counts when something above it changes. */
export const maxWatchedFolders = 1_000

export interface WatchOptions {
  log: Log
  clock?: Clock
  recursive?: boolean
  /** Where changes are known to come one by one, less than `quietMs` will do. */
  waitMs?: number
}

function innerOf(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((of) => of.isDirectory() && !unwatched.has(of.name)).map(({ name }) => join(path, name))
  } catch {
    // It went while it was looked at, which is a change that is told, too.
    return []
  }
}

/** The folder and those inside it, each with its number on the disk: a folder that was made anew has another. */
function foldersIn(folder: string, recursive: boolean): Map<string, number> {
  const found = new Map<string, number>([[folder, statSync(folder).ino]])
  if (!recursive) return found
  for (const path of found.keys()) {
    for (const inner of innerOf(path)) {
      const ino = statSync(inner, { throwIfNoEntry: false })?.ino
      if (ino !== undefined && found.size < maxWatchedFolders) found.set(inner, ino)
    }
  }
  return found
}

/**
 * Calls `changed` after a burst of changes in a folder, one call at a time. The answer ends it, and waits for a call under way. Folders are
 * watched and not their files: Node's own recursive watch keeps to the file that was there, and hears no more when a save puts another in its place.
 */
export function watchFolder(
  folder: string,
  changed: () => Promise<void>,
  { log, clock = systemClock, recursive = false, waitMs = quietMs }: WatchOptions,
): () => Promise<void> {
  let closed = false
  let cancel: () => void = () => undefined
  let work: Promise<void> = Promise.resolve()
  const watchers = new Map<string, { ino: number; watcher: FSWatcher }>()
  const unwatch = (path: string): void => {
    watchers.get(path)?.watcher.close()
    watchers.delete(path)
  }

  const hear = (): void => {
    cancel()
    if (!closed) cancel = clock.after(waitMs, look)
  }
  const follow = (): void => {
    const there = foldersIn(folder, recursive)
    for (const [path, { ino }] of watchers) if (there.get(path) !== ino) unwatch(path)
    for (const [path, ino] of there) {
      if (watchers.has(path)) continue
      const watcher = watch(path, { persistent: false }, hear)
      watcher.on('error', (error) => log.error('a folder cannot be watched any more', { folder: path, err: error }))
      watchers.set(path, { ino, watcher })
    }
  }
  const look = (): void => {
    work = work.then(async () => {
      if (closed) return
      try {
        // Before the look: what comes into a new folder after it is heard.
        follow()
        await changed()
      } catch (error) {
        log.error('a change of a folder could not be followed', { folder, err: error })
      }
    })
  }
  try {
    follow()
  } catch (error) {
    log.error('a folder cannot be watched; changes in it count at the next start', { folder, err: error })
  }
  return async () => {
    closed = true
    cancel()
    for (const path of watchers.keys()) unwatch(path)
    await work
  }
}
