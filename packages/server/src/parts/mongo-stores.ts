import type { NodeRole } from '@patchbay/contracts/node'
import { NodeLost } from '@patchbay/core/nodes/node-lost'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Log } from '@patchbay/sdk'
import { writerLease } from '../nodes/adoption.ts'
import { joinNodes, type Nodes } from '../nodes/nodes.ts'
import { createServerClock } from '../nodes/server-clock.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { connectMongo, type MongoLink } from '../stores/mongodb/connection.ts'
import { createChangeLog } from '../stores/mongodb/change-log.ts'
import { openMongoRegistry } from '../stores/mongodb/registry.ts'
import { refuseUnfitServer, toSettingsFault, toShownAddress } from '../stores/mongodb/start-checks.ts'
import { openMongoTelemetry } from '../stores/mongodb/telemetry.ts'
import { StoreCorrupt, StoreNotOpened } from '../stores/sqlite/errors.ts'
import type { Stores } from './stores.ts'

/** Between two looks whether another node is done with this one's log. */
const WAIT_MS = 250

export interface MongoStoresOptions {
  url: string
  /** Where the name of the writer is kept. */
  folder: string
  onFatal: (error: Error) => void
  log?: Log | undefined
  /** Other nodes may have the database open; what this one does. */
  roles?: readonly NodeRole[] | undefined
}

/** Opens registry and telemetry in one database. What is wrong with it is told without the address's user and password. */
export async function openMongoStores(options: MongoStoresOptions): Promise<Stores> {
  const { url, log } = options
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
      ...(await openIn(link, address, options)),
      state: () => ({ kind: 'mongodb', state: away ? 'away' : 'ready', address }),
    }
  } catch (error) {
    await link.close()
    throw toRefusal(error, address)
  }
}

async function openIn(
  link: MongoLink,
  address: string,
  { folder, onFatal, log, roles }: MongoStoresOptions,
): Promise<Omit<Stores, 'state'>> {
  refuseUnfitServer(await link.db.command({ hello: 1 }), address)
  const registry = await openMongoRegistry(link.db)
  if (!roles) {
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
  const clock = await createServerClock(link.db)
  let nodes: Nodes | undefined
  const telemetry = await openMongoTelemetry({
    db: link.db,
    folder,
    onFatal,
    async share(id) {
      const joined = await joinNodes({ registry, clock, id, roles, alone: false, log, onLost: onFatal })
      nodes = joined
      const { membership, leases } = joined
      // While this node was gone another one may have looked after its log.
      while (!(await leases.acquire(writerLease(id)))) await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
      return {
        isSure: membership.isSure,
        nowMs: () => clock.nowMicros() / 1_000,
        isLive: (writer) => membership.nodes().some((node) => node.id === writer && !node.record.gone),
        mayRollUp: joined.hasWork,
        isLast: () => membership.nodes().every((node) => node.id === id || node.record.gone),
      }
    },
  }).catch(async (error: unknown) => {
    clock.close()
    await nodes?.close()
    throw error
  })
  if (!nodes) throw new StoreUnavailable('this node has not joined the others')
  const own = nodes
  const changes = await createChangeLog(link.db, registry, telemetry.writer, (err) =>
    log?.debug('what nodes change could not be told or looked at; it is tried again', { err }),
  )
  return {
    registry: changes.registry,
    telemetry,
    shared: { nodes: own, clock, adopt: (writer, stop) => telemetry.adopt(writer, stop), changes },
    async close() {
      clock.close()
      await changes.close()
      await telemetry.close()
      await own.close()
      await registry.close()
      await link.close()
    },
  }
}

function toRefusal(error: unknown, address: string): unknown {
  if (error instanceof SettingsError) return error
  const fault = toSettingsFault(error, address)
  if (fault) return fault
  if (error instanceof NodeLost || error instanceof StoreUnavailable || error instanceof StoreCorrupt) {
    return new StoreNotOpened(`the store at ${address}: ${error.message}`, { cause: error })
  }
  // The driver's words hold the whole address, with its password: neither they nor the cause go on.
  if (error instanceof Error && error.name.startsWith('Mongo')) {
    return new SettingsError('MONGODB_URL', 'is not an address that MongoDB’s driver can read', 'mend it')
  }
  return error
}
