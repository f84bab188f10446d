import type { BackupFolder, BackupFolderOptions } from '../backup/backup-folder.ts'
import { RestError } from '../rest/errors.ts'

export interface Backups {
  /** PATCHBAY_BACKUPS is set. */
  readonly on: boolean
  /** Loaded when it is asked for first. Throws BACKUPS_OFF without PATCHBAY_BACKUPS. */
  folder(): Promise<BackupFolder>
  close(): Promise<void>
}

export function createBackups(options: Omit<BackupFolderOptions, 'folder'> & { folder: string | undefined }): Backups {
  let made: Promise<BackupFolder> | undefined
  return {
    on: options.folder !== undefined,
    folder() {
      const { folder } = options
      if (folder === undefined)
        throw new RestError('BACKUPS_OFF', 'Set PATCHBAY_BACKUPS to a folder on another disk, or run npm run backup.')
      return (made ??= import('../backup/backup-folder.ts').then(({ createBackupFolder }) =>
        createBackupFolder({ ...options, folder }),
      ))
    },
    close: async () => (await made)?.close(),
  }
}
