import type { RequestListener } from 'node:http'
import type { Clock } from '@patchbay/core/clock'
import type { RegistryStore } from '@patchbay/core/registry/port'
import { createInside, type Insider } from '../rest/inside.ts'
import type { SecretBox } from '../settings/secret-box.ts'
import type { Settings } from '../settings/settings.ts'
import { createInstanceDocuments } from './instance-documents.ts'

export interface DiagnosticsOptions {
  settings: () => Settings
  env: Readonly<Record<string, string | undefined>>
  registry: RegistryStore
  secrets: SecretBox
  clock: Clock
  /** Everything that the platform answers over HTTP. */
  listener: RequestListener
  recentLog: () => readonly string[]
}

/** Makes the diagnostics archive of a running platform; what that takes is loaded with the first one. */
export const createDiagnostics =
  ({ settings, env, registry, secrets, clock, listener, recentLog }: DiagnosticsOptions) =>
  async (insider: Insider): Promise<Buffer> => {
    const { createArchive } = await import('../diagnostics/archive.ts')
    const { readPluginSecrets, readRunning } = await import('../diagnostics/running.ts')
    return createArchive({
      settings: settings(),
      env,
      nowMs: clock.nowMicros() / 1000,
      more: await readRunning(createInside(listener), insider, recentLog),
      secrets: await readPluginSecrets(createInstanceDocuments(registry), secrets),
    })
  }
