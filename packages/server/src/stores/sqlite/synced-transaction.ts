import type { DatabaseSync } from 'node:sqlite'

/** Transactions that are on the disk when they end, and with them all that was committed before, whatever the durability is. */
export function createSyncedTransaction(db: DatabaseSync): <T>(work: () => T) => T {
  const level = Number(db.prepare('PRAGMA synchronous').get()?.['synchronous'])
  return (work) => {
    db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
    try {
      const result = work()
      db.exec('COMMIT')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    } finally {
      db.exec(`PRAGMA synchronous = ${level}`)
    }
  }
}
