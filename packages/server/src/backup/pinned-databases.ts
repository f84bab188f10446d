import { DatabaseSync } from 'node:sqlite'
import { BackupError } from './errors.ts'

/** Shorter than what the writers wait (1 s), so that holding one file while asking for the next never fails a commit. */
const HOLD_WAIT_MS = 150
const HOLD_TRIES = 40

export interface PinnedDatabases {
  /** One connection for each file, all of them seeing the same moment until `release`. */
  readonly databases: ReadonlyMap<string, DatabaseSync>
  /** The moment: whatever was acknowledged before is in it. */
  readonly at: Date
  release(): void
}

/**
 * Opens a read transaction on every file at one moment: no commit of any of them lies between two. The hot log is trimmed once its points
 * are sealed in the database beside it, so that files of different moments could miss points or number them twice.
 */
export function pinDatabases(files: readonly string[]): PinnedDatabases {
  // A hot log comes last: what holds it up for a moment holds up ingest.
  const order = files.toSorted((a, b) => Number(a.endsWith('.hot')) - Number(b.endsWith('.hot')) || (a < b ? -1 : 1))
  let cause: unknown
  for (let tries = 0; tries < HOLD_TRIES; tries++) {
    try {
      return pinOnce(order)
    } catch (error) {
      if (!isBusy(error)) throw error
      cause = error
    }
  }
  throw new BackupError('BACKUP_BUSY', 'the databases are written to without a pause: try again in a while', { cause })
}

function pinOnce(files: readonly string[]): PinnedDatabases {
  const held: DatabaseSync[] = []
  const databases = new Map<string, DatabaseSync>()
  const release = () => {
    for (const db of databases.values()) db.close()
  }
  try {
    for (const file of files) {
      const db = new DatabaseSync(file, { timeout: HOLD_WAIT_MS })
      held.push(db)
      db.exec('BEGIN IMMEDIATE')
    }
    const at = new Date()
    for (const file of files) {
      const db = new DatabaseSync(file, { timeout: HOLD_WAIT_MS })
      databases.set(file, db)
      // A transaction sees what was there at its first read, not at its BEGIN.
      db.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
    }
    return { databases, at, release }
  } catch (error) {
    release()
    throw error
  } finally {
    // Closing ends the empty write transaction.
    for (const db of held) db.close()
  }
}

/** SQLITE_BUSY and its kin: the primary code is the low byte. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5
