import { join } from 'node:path'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { NodeRole } from '@patchbay/contracts/node'
import type { StoreState } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { Log } from '@patchbay/sdk'
import type { Nodes } from '../nodes/nodes.ts'
import type { ChangeLog } from '../stores/mongodb/change-log.ts'
import { makeFolder } from '../settings/make-folder.ts'
import { SettingsError } from '../settings/settings-error.ts'
import type { Settings } from '../settings/settings.ts'
import { openSqliteRegistry } from '../stores/sqlite/registry.ts'
import { openSqliteTelemetry } from '../stores/sqlite/telemetry.ts'
import { openAll } from './opened.ts'

export interface Stores {
  registry: RegistryStore
  telemetry: TelemetryStore
  /** Which store it is, and whether it answers. */
  state(): StoreState
  /** Where nodes share the stores: this one among them, and the time that they all have. */
  shared?: SharedStores
  close(): Promise<void>
}

export interface SharedStores {
  nodes: Nodes
  clock: Clock
  /** Brings the log of a node that is gone to its end, and packs what it has left, until it is told to stop. */
  adopt(writer: string, stop: () => boolean): Promise<void>
  changes: Pick<ChangeLog, 'follow' | 'doubt'>
}

/** Opens both stores: in MongoDB when MONGODB_URL is set, else in the data folder, which is for its owner's eyes only. */
export const openStores = async (
  settings: Pick<Settings, 'data' | 'durability' | 'mongodbUrl'>,
  onFatal: (error: Error) => void,
  log?: Log,
  /** Others may have the same MongoDB open: what this node does. Without it nobody may. */
  roles?: readonly NodeRole[],
): Promise<Stores> => {
  await makeFolder(settings.data, 0o700).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SettingsError('PATCHBAY_DATA', `names a folder that cannot be made (${why})`, 'give one that can', {
      cause,
    })
  })
  if (settings.mongodbUrl !== undefined) {
    // Only who uses MongoDB pays for its driver.
    const { openMongoStores } = await import('./mongo-stores.ts')
    return openMongoStores({ url: settings.mongodbUrl, folder: settings.data, onFatal, log, roles })
  }
  const options = { durability: settings.durability, onFatal }
  const [registry, telemetry] = await openAll(
    ({ own }) =>
      Promise.all([
        openSqliteRegistry({ ...options, file: join(settings.data, 'registry.sqlite') }).then(own),
        openSqliteTelemetry({ ...options, file: join(settings.data, 'telemetry.sqlite') }).then(own),
      ]),
    (error) => log?.error('a store that was opened in vain stays open', { error }),
  )
  return {
    registry,
    telemetry,
    state: () => ({ kind: 'embedded', state: 'ready' }),
    async close() {
      await telemetry.close()
      await registry.close()
    },
  }
}
