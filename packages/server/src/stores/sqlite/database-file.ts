import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { StoreCorrupt } from './errors.ts'
import { sqliteCode, toFailure } from './failure.ts'

export type Durability = 'full' | 'relaxed'

/** How long a file that another process still holds is waited for: the time of a quick restart. */
const LOCK_WAIT_MS = 1_000
/** A long WAL spares writes (an index page changed by many commits is copied once), a short one spares time at start. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const SMALLEST_PAGE_BYTES = 512
const WAL_KEPT_BYTES = 64 * 1024 * 1024

export interface DatabaseOptions {
  file: string
  durability: Durability
  cacheBytes: number
  /** Version of the schema and the statements that make it in an empty file. */
  schemaVersion: number
  schema: string
  /** A new file is laid out for blobs of a kilobyte and can give pages back to the system (`PRAGMA incremental_vacuum`). */
  shrinks?: boolean
  /** What brings a file of this version to the next one. */
  upgrades?: Readonly<Record<number, string>>
}

/** Opens (or makes) a database for its one writer. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  return opening(options.file, () => {
    const db = new DatabaseSync(options.file, { timeout: LOCK_WAIT_MS })
    try {
      // Only takes effect in an empty file, before anything else. A chunk takes a good kilobyte: seven fill a page of this size.
      if (options.shrinks) db.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL')
      // NORMAL keeps the file whole after a power cut and only may lose the last commits; OFF would risk the file itself.
      db.exec(`PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${options.durability === 'full' ? 'FULL' : 'NORMAL'};
        PRAGMA wal_autocheckpoint = ${Math.ceil(CHECKPOINT_BYTES / pageBytes(db))};
        PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
        PRAGMA cache_size = -${Math.ceil(options.cacheBytes / 1024)};
        PRAGMA mmap_size = 0;
        PRAGMA temp_store = MEMORY;`)
      prepareSchema(db, options)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })
}

export function openReadOnly(file: string, cacheBytes: number): DatabaseSync {
  return opening(file, () => {
    const db = new DatabaseSync(file, { readOnly: true, timeout: LOCK_WAIT_MS })
    db.exec(`PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}; PRAGMA mmap_size = 0;`)
    return db
  })
}

/**
 * Keeps a second process off the same data: two writers would give out the same series ids. The lock is the operating system's, so
 * it ends with the process however that dies.
 */
export function holdLock(file: string): DatabaseSync {
  return opening(file, () => {
    const db = new DatabaseSync(`${file}.lock`, { timeout: LOCK_WAIT_MS })
    try {
      // Nothing is ever written, so a journal would only lie about after a kill.
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    } catch (error) {
      db.close()
      throw new StoreUnavailable('another process has these data open', { cause: error })
    }
    return db
  })
}

function pageBytes(db: DatabaseSync): number {
  const bytes = db.prepare('PRAGMA page_size').get()?.['page_size']
  return typeof bytes === 'number' ? bytes : SMALLEST_PAGE_BYTES
}

function prepareSchema(db: DatabaseSync, options: DatabaseOptions): void {
  const found = db.prepare('PRAGMA user_version').get()?.['user_version']
  if (found === options.schemaVersion) return
  if (found === 0) {
    db.exec(`BEGIN IMMEDIATE; ${options.schema}; PRAGMA user_version = ${options.schemaVersion}; COMMIT`)
    return
  }
  const upgrade = typeof found === 'number' ? options.upgrades?.[found] : undefined
  if (typeof found !== 'number' || upgrade === undefined) {
    throw new StoreCorrupt(`schema version ${String(found)} is not known to this version of the product`)
  }
  db.exec(`BEGIN IMMEDIATE; ${upgrade}; PRAGMA user_version = ${found + 1}; COMMIT`)
  prepareSchema(db, options)
}

function opening(file: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof StoreCorrupt) throw error
    const failure = toFailure(error)
    if (failure.sort === 'corrupt') throw new StoreCorrupt(failure.message, { cause: error })
    throw new StoreUnavailable(`cannot open: ${failure.message} [${sqliteCode(error) ?? '-'}]`, { cause: error })
  }
}
