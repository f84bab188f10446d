import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from '../settings/settings-error.ts'

/** Inside a data folder while a backup is put into it. */
export const unfinishedRestore = '.restoring'

/** What is left of it while it is removed; it means nothing any more. */
export const finishedRestore = '.restored'

/** A platform on half of a backup would go on without the other half. */
export function refuseUnfinishedRestore(data: string): void {
  if (!existsSync(join(data, unfinishedRestore))) return
  const remedy = 'run npm run restore again with the same backup, or empty the folder'
  throw new SettingsError('PATCHBAY_DATA', `names ${data}, into which a backup was not restored to the end`, remedy)
}
