/** Why a backup is not made or not restored; the message says what to do. A code is never used again for something else. */
export const backupErrors = {
  BACKUP_SOURCE_MISSING: 'There is no data folder of Patchbay where one was to be backed up.',
  BACKUP_TARGET_TAKEN: 'The backup would be written over something, or into the data folder itself.',
  BACKUP_BUSY: 'The databases could not be held together for a moment. Try again.',
  BACKUP_DAMAGED: 'The backup is not whole, or is none: a file is missing, differs from its hash, or cannot be read.',
  BACKUP_PASSPHRASE_WRONG:
    'PATCHBAY_BACKUP_PASSPHRASE is not set or not the one of the backup; or it is set, and the backup is not encrypted.',
  BACKUP_NO_ROOM:
    'The data folder’s disk has no room for the copy of a database that an encrypted backup is made from.',
  BACKUP_NEWER: 'The backup was made by a newer version. Restore it with that version or a later one.',
  RESTORE_TARGET_TAKEN: 'The folder to restore into is not empty.',
} as const
export type BackupErrorCode = keyof typeof backupErrors

export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly code: BackupErrorCode
  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
