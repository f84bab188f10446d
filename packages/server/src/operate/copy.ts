import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { CopyError } from '../copy/errors.ts'
import { runCopy, type CopyRoute } from '../copy/run-copy.ts'
import { readSettings } from '../settings/settings.ts'
import { StoreNotOpened } from '../stores/sqlite/errors.ts'
import { type Command, CommandRefused } from './command.ts'

/** `--from` and `--to`, in any order: the two stores that there are. */
const readRoute = (words: readonly string[]): CopyRoute | undefined => {
  const text = words.join(' ').replaceAll('=', ' ')
  if (/^(--from embedded --to mongodb|--to mongodb --from embedded)$/.test(text)) return 'to-mongodb'
  if (/^(--from mongodb --to embedded|--to embedded --from mongodb)$/.test(text)) return 'to-embedded'
  return undefined
}

export const copyCommand: Command = {
  usage:
    'npm run copy -- --from embedded --to mongodb         copies everything, also the other way, while Patchbay is stopped',
  async run(args, { env }) {
    const route = readRoute(args)
    if (route === undefined) return undefined
    try {
      return { code: 0, text: await runCopy(route, readSettings(env)) }
    } catch (error) {
      if (error instanceof CopyError || error instanceof StoreNotOpened) throw new CommandRefused(error.message)
      if (error instanceof StoreUnavailable) throw new CommandRefused(`${error.message}: stop Patchbay first`)
      throw error
    }
  },
}
