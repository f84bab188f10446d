import type { DatabaseSync } from 'node:sqlite'

/**
 * Transactions that only move what is durable already. They do not wait for the disk: the next synced commit carries them, and after a
 * power cut before it the file is as if they had not been, with all that they moved still in its place.
 */
export function createBackgroundTransaction(db: DatabaseSync): (work: () => void) => void {
  const level = Number(db.prepare('PRAGMA synchronous').get()?.['synchronous'])
  return (work) => {
    // NORMAL: the log is synced before it is written into the file, but not at each commit.
    db.exec('PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    } finally {
      db.exec(`PRAGMA synchronous = ${level}`)
    }
  }
}
