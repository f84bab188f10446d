import type { Log } from '@patchbay/sdk'
import type { InstanceStore } from '../instance-store.ts'
import type { PackageRecord } from './record.ts'

export interface RecoverParts {
  instances: InstanceStore
  forget(plugin: string, name: string): Promise<void>
  log: Log
}

/**
 * What a package is after a death in the middle of a change: the version before it, with its instances as they were; a removal goes on.
 * Undefined = it is gone. Doing it twice comes to the same.
 */
export async function recoverPackage(record: PackageRecord, parts: RecoverParts): Promise<PackageRecord | undefined> {
  const { change, ...whole } = record
  if (change === undefined) return record
  const { id } = record
  if (change.kind === 'swap') {
    for (const instance of change.instances) await parts.instances.save(instance)
    parts.log.warn('a change of a plugin was cut off; the version before it runs', { plugin: id })
    return whole
  }
  if (!change.keepData)
    for (const { plugin, name } of await parts.instances.list())
      if (plugin === id) {
        await parts.instances.delete(plugin, name)
        await parts.forget(plugin, name)
      }
  parts.log.warn('the removal of a plugin was cut off and is done now', { plugin: id })
  return undefined
}
