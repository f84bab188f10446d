import { createBackup } from '../backup/backup.ts'
import { restoreBackup } from '../backup/restore.ts'
import { readSettings } from '../settings/settings.ts'
import type { Command } from './command.ts'

interface Done {
  at: string
  files: readonly { bytes: number }[]
  masterKey: boolean
}

const toText = (what: string, { files, at, masterKey }: Done, leftOut: readonly string[]): string => {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return [
    `${what}: ${files.length} files, ${bytes} bytes, with everything acknowledged before ${at}.`,
    ...(leftOut.length > 0 ? [`Left out, since they are links or no files: ${leftOut.join(', ')}`] : []),
    ...(masterKey
      ? []
      : ['The key of the secrets is not in it: keep PATCHBAY_MASTER_KEY, and set it where this is restored.']),
  ].join('\n')
}

export const backupCommand: Command = {
  usage: 'npm run backup -- <new folder>                       copies PATCHBAY_DATA while Patchbay runs or not',
  async run([folder, ...more], { env }) {
    if (folder === undefined || more.length > 0) return undefined
    const { data, backupPassphrase: passphrase } = readSettings(env)
    const done = await createBackup({ data, into: folder, ...(passphrase === undefined ? {} : { passphrase }) })
    return { code: 0, text: toText(`Backed up ${data} into ${folder}`, done, done.leftOut) }
  },
}

export const restoreCommand: Command = {
  usage: 'npm run restore -- <backup folder>                   puts a backup into PATCHBAY_DATA, which must be empty',
  async run([folder, ...more], { env }) {
    if (folder === undefined || more.length > 0) return undefined
    const { data, backupPassphrase: passphrase } = readSettings(env)
    const done = await restoreBackup({ from: folder, data, ...(passphrase === undefined ? {} : { passphrase }) })
    return { code: 0, text: toText(`Restored ${folder} into ${data}`, done, []) }
  },
}
