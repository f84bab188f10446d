import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { createBackup } from '../backup/backup.ts'
import { restoreBackup } from '../backup/restore.ts'
import { CopyError } from '../copy/errors.ts'
import { readSettings } from '../settings/settings.ts'
import { toShownAddress } from '../stores/mongodb/start-checks.ts'
import { StoreNotOpened } from '../stores/sqlite/errors.ts'
import { type Command, CommandRefused } from './command.ts'

const LOG_EVERY_MS = 10_000

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

const nameOf = (data: string, mongodbUrl: string | undefined): string =>
  mongodbUrl === undefined ? data : `${data} and ${toShownAddress(mongodbUrl)}`

/** Refusals of the stores are said as such. */
async function refusable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof CopyError || error instanceof StoreNotOpened || error instanceof StoreUnavailable)
      throw new CommandRefused(error.message)
    throw error
  }
}

/** To the terminal now and then, and to the platform that asked for it. */
function createTelling(what: string): (share: number) => void {
  let toldMs = performance.now()
  let sent = -1
  return (share) => {
    const percent = Math.floor(share * 100)
    if (process.connected && percent !== sent) process.send?.({ share }, undefined, undefined, () => undefined)
    sent = percent
    if (process.connected || performance.now() - toldMs < LOG_EVERY_MS) return
    process.stderr.write(`${percent} % ${what}\n`)
    toldMs = performance.now()
  }
}

export const backupCommand: Command = {
  usage:
    'npm run backup -- <new folder>                       copies PATCHBAY_DATA (and MONGODB_URL) while Patchbay runs or not',
  async run([folder, ...more], { env }) {
    if (folder === undefined || more.length > 0) return undefined
    const { data, backupPassphrase: passphrase, mongodbUrl } = readSettings(env)
    const onShare = createTelling('backed up')
    const secret = passphrase === undefined ? {} : { passphrase }
    const done = await refusable(createBackup({ data, into: folder, mongodbUrl, onShare, ...secret }))
    return { code: 0, text: toText(`Backed up ${nameOf(data, mongodbUrl)} into ${folder}`, done, done.leftOut) }
  },
}

export const restoreCommand: Command = {
  usage:
    'npm run restore -- <backup folder>                   puts a backup into PATCHBAY_DATA (and MONGODB_URL), which must be empty',
  async run([folder, ...more], { env }) {
    if (folder === undefined || more.length > 0) return undefined
    const { data, backupPassphrase: passphrase, mongodbUrl } = readSettings(env)
    const onShare = createTelling('in MongoDB')
    const secret = passphrase === undefined ? {} : { passphrase }
    const done = await refusable(restoreBackup({ from: folder, data, mongodbUrl, onShare, ...secret }))
    return { code: 0, text: toText(`Restored ${folder} into ${nameOf(data, mongodbUrl)}`, done, []) }
  },
}
