import { createBackup } from './backup/backup.ts'
import { BackupError } from './backup/errors.ts'
import { restoreBackup } from './backup/restore.ts'
import { CopyError } from './copy/errors.ts'
import type { CopyRoute } from './copy/run-copy.ts'
import { SettingsError } from './settings/settings-error.ts'
import { readSettings } from './settings/settings.ts'
import { StoreNotOpened } from './stores/sqlite/errors.ts'

const usage = `npm run backup -- <new folder>      copies PATCHBAY_DATA while Patchbay runs or not
npm run restore -- <backup folder>  puts a backup into PATCHBAY_DATA, which must be empty
npm run copy -- --from embedded --to mongodb   (or the other way) copies everything into MONGODB_URL, while Patchbay is stopped`

/** `--from` and `--to`, in any order: the two stores that there are. */
const readRoute = (words: readonly string[]): CopyRoute | undefined => {
  const text = words.join(' ').replaceAll('=', ' ')
  if (/^(--from embedded --to mongodb|--to mongodb --from embedded)$/.test(text)) return 'to-mongodb'
  if (/^(--from mongodb --to embedded|--to embedded --from mongodb)$/.test(text)) return 'to-embedded'
  return undefined
}

/** The commands that work on a data folder from a terminal: exit code 0 done, 1 not done, 2 asked wrongly. */
const run = async ([verb, ...words]: readonly string[]): Promise<0 | 2> => {
  if (verb === 'copy') {
    const route = readRoute(words)
    if (route) {
      // Who makes a backup needs neither store opened.
      const { runCopy } = await import('./copy/run-copy.ts')
      console.log(await runCopy(route, readSettings(process.env)))
      return 0
    }
  }
  const [folder, ...more] = words
  if ((verb !== 'backup' && verb !== 'restore') || folder === undefined || more.length > 0) {
    console.error(usage)
    return 2
  }
  const { data } = readSettings(process.env)
  const backup = verb === 'backup' ? await createBackup({ data, into: folder }) : undefined
  const done = backup ?? (await restoreBackup({ from: folder, data }))
  const bytes = done.files.reduce((sum, file) => sum + file.bytes, 0)
  const what = backup ? `Backed up ${data} into ${folder}` : `Restored ${folder} into ${data}`
  console.log(`${what}: ${done.files.length} files, ${bytes} bytes, with everything acknowledged before ${done.at}.`)
  if (backup && backup.leftOut.length > 0) {
    console.log(`Left out, since they are links or no files: ${backup.leftOut.join(', ')}`)
  }
  if (!done.masterKey) {
    console.log('The key of the secrets is not in it: keep PATCHBAY_MASTER_KEY, and set it where this is restored.')
  }
  return 0
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (error instanceof SettingsError) process.exitCode = 2
  else process.exitCode = 1
  // A fault of ours comes with its stack.
  console.error(
    error instanceof SettingsError ||
      error instanceof BackupError ||
      error instanceof CopyError ||
      error instanceof StoreNotOpened ||
      (error instanceof Error && 'syscall' in error)
      ? error.message
      : error,
  )
}
