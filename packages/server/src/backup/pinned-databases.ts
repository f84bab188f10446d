import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { BackupError } from './errors.ts'

/** Nothing is held yet while the first is waited for; a long write of the sealing may be under way. */
const FIRST_WAIT_MS = 1_000
/** With others held: all waits together stay well below the second after which a writer gives a commit up. */
const NEXT_WAIT_MS = 100
const TRIES = 20
/** Between two tries, so that whoever waited meanwhile gets its turn. */
const PAUSE_MS = 250

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
export async function pinDatabases(files: readonly string[]): Promise<PinnedDatabases> {
  // The largest is the one that is written to longest, so it is waited for with nothing held; what holds up a hot log holds up ingest.
  const order = files
    .map((file) => ({ file, hot: Number(file.endsWith('.hot')), bytes: statSync(file).size }))
    .toSorted((a, b) => a.hot - b.hot || b.bytes - a.bytes)
    .map(({ file }) => file)
  let cause: unknown
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return pinOnce(order)
    } catch (error) {
      if (!isBusy(error)) throw error
      cause = error
    }
    await setTimeout(PAUSE_MS)
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
      const db = new DatabaseSync(file, { timeout: held.length === 0 ? FIRST_WAIT_MS : NEXT_WAIT_MS })
      held.push(db)
      db.exec('BEGIN IMMEDIATE')
    }
    const at = new Date()
    for (const file of files) {
      const db = new DatabaseSync(file, { timeout: NEXT_WAIT_MS })
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
