import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { SettingsError } from '../settings/settings-error.ts'
import type { Settings } from '../settings/settings.ts'
import { openSqliteRegistry } from '../stores/sqlite/registry.ts'
import { openSqliteTelemetry } from '../stores/sqlite/telemetry.ts'

export interface Stores {
  registry: RegistryStore
  telemetry: TelemetryStore
  close(): Promise<void>
}

/** Opens both stores in the data folder, which is for its owner's eyes only. */
export const openStores = async (
  settings: Pick<Settings, 'data' | 'durability'>,
  onFatal: (error: Error) => void,
): Promise<Stores> => {
  await mkdir(settings.data, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SettingsError('PATCHBAY_DATA', `names a folder that cannot be made (${why})`, 'give one that can', {
      cause,
    })
  })
  const options = { durability: settings.durability, onFatal }
  const [registry, telemetry] = await Promise.all([
    openSqliteRegistry({ ...options, file: join(settings.data, 'registry.sqlite') }),
    openSqliteTelemetry({ ...options, file: join(settings.data, 'telemetry.sqlite') }),
  ])
  return {
    registry,
    telemetry,
    async close() {
      await telemetry.close()
      await registry.close()
    },
  }
}
