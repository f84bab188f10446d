import { type FSWatcher, watch } from 'node:fs'
import type { Log } from '@patchbay/sdk'
import { type Clock, systemClock } from '../clock.ts'

/** A build or a copy makes many changes at once: they are looked at when nothing more has come for this long. */
export const quietMs = 200

export interface WatchOptions {
  log: Log
  clock?: Clock
  recursive?: boolean
  /** Where changes are known to come one by one, less than `quietMs` will do. */
  waitMs?: number
}

/** Calls `changed` after a burst of changes in a folder, one call at a time. The answer ends it, and waits for a call under way. */
export function watchFolder(
  folder: string,
  changed: () => Promise<void>,
  { log, clock = systemClock, recursive = false, waitMs = quietMs }: WatchOptions,
): () => Promise<void> {
  let closed = false
  let cancel: () => void = () => undefined
  let work: Promise<void> = Promise.resolve()
  const look = (): void => {
    work = work.then(async () => {
      if (closed) return
      try {
        await changed()
      } catch (error) {
        log.error('a change of a folder could not be followed', { folder, err: error })
      }
    })
  }
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(folder, { recursive, persistent: false }, () => {
      cancel()
      if (!closed) cancel = clock.after(waitMs, look)
    })
    watcher.on('error', (error) => log.error('a folder cannot be watched any more', { folder, err: error }))
  } catch (error) {
    log.error('a folder cannot be watched; changes in it count at the next start', { folder, err: error })
  }
  return async () => {
    closed = true
    cancel()
    watcher?.close()
    await work
  }
}
