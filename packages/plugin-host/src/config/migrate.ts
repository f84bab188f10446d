import type { Plugin } from '@patchbay/sdk'
import { HostError, toText } from '../errors.ts'
import { isRecord } from './plain.ts'
import type { Config } from './validate.ts'

/** Carries an opened configuration from the version it was stored in to the one the plugin has now. */
export async function migrateConfig(
  plugin: Pick<Plugin, 'migrate'>,
  config: Config,
  from: number,
  to: number,
): Promise<Config> {
  if (from > to)
    throw new HostError(
      'CONFIG_MIGRATION_FAILED',
      `The configuration was stored by a newer version of the plugin (${from}, this one has ${to}).`,
    )
  let current = config
  for (let version = from; version < to; version += 1) {
    const step = plugin.migrate[version]
    // A version that only added fields with defaults needs no step: validation fills them in.
    if (step === undefined) continue
    let next: unknown
    try {
      next = await step(structuredClone(current))
    } catch (cause) {
      throw new HostError('CONFIG_MIGRATION_FAILED', `Step ${version} of the migration failed: ${toText(cause)}`, {
        cause,
      })
    }
    if (!isRecord(next))
      throw new HostError('CONFIG_MIGRATION_FAILED', `Step ${version} of the migration answered no configuration.`)
    current = next
  }
  return current
}
