import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Log } from '@patchbay/sdk'
import { SettingsError } from '../settings/settings-error.ts'
import { connectMongo, type MongoLink } from '../stores/mongodb/connection.ts'
import { openMongoRegistry } from '../stores/mongodb/registry.ts'
import { refuseUnfitServer, toSettingsFault, toShownAddress } from '../stores/mongodb/start-checks.ts'
import { openMongoTelemetry } from '../stores/mongodb/telemetry.ts'
import { StoreCorrupt, StoreNotOpened } from '../stores/sqlite/errors.ts'
import type { Stores } from './stores.ts'

export interface MongoStoresOptions {
  url: string
  /** Where the name of the writer is kept. */
  folder: string
  onFatal: (error: Error) => void
  log?: Log | undefined
}

/** Opens registry and telemetry in one database. What is wrong with it is told without the address's user and password. */
export async function openMongoStores({ url, folder, onFatal, log }: MongoStoresOptions): Promise<Stores> {
  const address = toShownAddress(url)
  let away = false
  const link = await connectMongo({
    url,
    onState(state) {
      away = state === 'lost'
      if (away) log?.warn('MongoDB does not answer: nothing is acknowledged until it does', { address })
      else log?.info('MongoDB answers again', { address })
    },
  }).catch((error: unknown): never => {
    throw toRefusal(error, address)
  })
  try {
    return {
      ...(await openIn(link, address, folder, onFatal)),
      state: () => ({ kind: 'mongodb', state: away ? 'away' : 'ready', address }),
    }
  } catch (error) {
    await link.close()
    throw toRefusal(error, address)
  }
}

async function openIn(link: MongoLink, address: string, folder: string, onFatal: (error: Error) => void) {
  refuseUnfitServer(await link.db.command({ hello: 1 }), address)
  const registry = await openMongoRegistry(link.db)
  const telemetry = await openMongoTelemetry({ db: link.db, folder, onFatal })
  return {
    registry,
    telemetry,
    async close() {
      await telemetry.close()
      await registry.close()
      await link.close()
    },
  }
}

function toRefusal(error: unknown, address: string): unknown {
  if (error instanceof SettingsError) return error
  const fault = toSettingsFault(error, address)
  if (fault) return fault
  if (error instanceof StoreUnavailable || error instanceof StoreCorrupt) {
    return new StoreNotOpened(`the store at ${address}: ${error.message}`, { cause: error })
  }
  // The driver's words hold the whole address, with its password: neither they nor the cause go on.
  if (error instanceof Error && error.name.startsWith('Mongo')) {
    return new SettingsError('MONGODB_URL', 'is not an address that MongoDB’s driver can read', 'mend it')
  }
  return error
}
