import { chmod, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { BackupError } from './errors.ts'

/** Pages of one step; between two steps the thread does other work. */
const STEP_PAGES = 1_024

export async function copyDatabase(
  source: DatabaseSync,
  copy: string,
  onShare: (share: number) => void,
): Promise<void> {
  // The source has a read transaction open, which the copy is taken from however much is written meanwhile.
  await backup(source, copy, {
    rate: STEP_PAGES,
    progress: ({ totalPages, remainingPages }) => onShare(totalPages === 0 ? 1 : 1 - remainingPages / totalPages),
  })
  await chmod(copy, 0o600)
  const db = new DatabaseSync(copy, { readOnly: true })
  try {
    const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok')
      throw new BackupError('BACKUP_DAMAGED', `the database is damaged (${basename(copy)}: ${String(found)})`)
  } finally {
    db.close()
  }
  // What the check leaves beside a database that keeps a log; it is empty.
  for (const side of ['-wal', '-shm']) await rm(`${copy}${side}`, { force: true })
}
