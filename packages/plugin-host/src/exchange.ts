import { toStoredConfig } from './configured.ts'
import { HostError, toText } from './errors.ts'
import type { PluginHostOptions } from './host-options.ts'
import type { StoredInstance } from './instance-store.ts'
import type { Package, PackageSource } from './package.ts'
import { isUsable, type Slot, type Slots, type Usable } from './slot.ts'

export interface ReplaceSteps {
  /** Before anything stops, with the instances as they are stored. */
  begin(instances: readonly StoredInstance[]): Promise<void>
  /** Instances as they were stored under this version: taken where what is stored now is of a newer one. */
  restore?: readonly StoredInstance[]
  /** The new version runs. A throw takes it back. */
  commit(): Promise<void>
  /** The version before runs again. */
  undone(): Promise<void>
}

export interface TakeSteps {
  keepData: boolean
  begin(): Promise<void>
  commit(): Promise<void>
}

/** Changes which code stands behind a plugin while the platform runs. */
export interface PackageExchange {
  /** Puts a package in, or in place of the one of the same id. When an instance that ran does not run with it, what was there comes back. */
  replace(source: PackageSource, steps: ReplaceSteps): Promise<void>
  take(id: string, steps: TakeSteps): Promise<void>
}

export interface ExchangeParts {
  options: PluginHostOptions
  packages: Map<string, Package>
  slots: Slots
  load(source: PackageSource): Promise<Package>
  /** Plugins whose calls are refused for the moment. */
  changing: Set<string>
}

interface Way {
  slot: Slot
  before: StoredInstance
  after: StoredInstance
  wasHealthy: boolean
}

const healthy: ReadonlySet<string> = new Set(['running', 'degraded'])

export function createExchange({ options, packages, slots, load, changing }: ExchangeParts): PackageExchange {
  const exclusively = async <T>(id: string, work: () => Promise<T>): Promise<T> => {
    if (changing.has(id)) throw new HostError('PACKAGE_BUSY')
    changing.add(id)
    try {
      return await work()
    } finally {
      changing.delete(id)
    }
  }

  const waysOf = (id: string, next: Usable, restore: readonly StoredInstance[] = []): Way[] =>
    slots.of(id).flatMap((slot) => {
      const before = slot.stored
      if (!before) return []
      const kept = restore.find(({ name }) => name === before.name)
      const isTooNew = before.configVersion > next.manifest.configVersion
      const after =
        isTooNew && kept
          ? { ...before, config: kept.config, configVersion: kept.configVersion, version: before.version + 1 }
          : before
      return [{ slot, before, after, wasHealthy: healthy.has(slot.status.state) }]
    })

  /** Made under a newer version only: it has no configuration that an older one could take. */
  const isForeign = ({ after }: Way, { manifest }: Usable): boolean => after.configVersion > manifest.configVersion

  /** What can be known before the old version stops: each configuration can be carried over, and the plugin's own test of it does not say no. */
  const rehearse = async (ways: readonly Way[], next: Usable): Promise<void> => {
    for (const way of ways) {
      if (!way.wasHealthy || isForeign(way, next)) continue
      const { slot, after } = way
      try {
        const { configVersion } = next.manifest
        const config = await toStoredConfig(next.plugin, after, configVersion, options.secrets, options.settingOf)
        await slot.verify(next, config)
      } catch (cause) {
        throw new HostError(
          'PACKAGE_UPGRADE_UNDONE',
          `Nothing was changed: the configuration of ${slot.name} does not fit ${next.version}: ${toText(cause)}`,
          { cause },
        )
      }
    }
  }

  const carryOver = async (way: Way, next: Usable): Promise<void> => {
    const { slot, after, before } = way
    await slot.stop()
    slot.renew()
    const mounts = next.manifest.contributes.http ?? []
    // 503 with Retry-After instead of 404 for whoever asks meanwhile.
    if (after.enabled && mounts.length > 0) options.dispatcher.expect(slot.plugin, slot.name, mounts)
    if (after !== before) await slot.save({ ...after, starting: 0 })
    if (!after.enabled) return
    const outcome = await slot.start(next)
    const isDown = outcome === 'failed' || outcome === 'bad-config'
    if (isDown && way.wasHealthy && !isForeign(way, next))
      throw new HostError(
        'PACKAGE_UPGRADE_UNDONE',
        `The version before was put back: ${slot.name} did not start with ${next.version}: ${slot.status.text ?? outcome}`,
      )
  }

  const goBack = async (ways: readonly Way[], old: Package | undefined): Promise<void> => {
    for (const { slot, before } of ways)
      await slot.exclusive(async () => {
        await slot.stop()
        slot.renew()
        await slot.save({ ...before, starting: 0 })
        await slot.boot(old)
      })
  }

  const firstRejected = (results: readonly PromiseSettledResult<unknown>[]): { reason: unknown } | undefined =>
    results.find((result) => result.status === 'rejected')

  return {
    replace: (source, steps) =>
      exclusively(source.id ?? '', async () => {
        const id = source.id ?? ''
        const old = packages.get(id)
        const next = await load(source)
        if (next.problem) {
          old?.claim?.()
          throw new HostError(next.problem.code, next.problem.text)
        }
        if (!isUsable(next)) throw new HostError('PLUGIN_LOAD_FAILED')
        const undo = (): void => {
          next.release?.()
          old?.claim?.()
        }
        const ways = waysOf(id, next, steps.restore)
        try {
          await rehearse(ways, next)
          await steps.begin(ways.map(({ before }) => before))
        } catch (error) {
          undo()
          throw error
        }
        packages.set(id, next)
        for (const { slot } of ways) slot.interrupt()
        const started = await Promise.allSettled(ways.map((way) => way.slot.exclusive(() => carryOver(way, next))))
        try {
          const failed = firstRejected(started)
          if (failed) throw failed.reason
          await steps.commit()
        } catch (error) {
          if (old) packages.set(id, old)
          else packages.delete(id)
          undo()
          await goBack(ways, old)
          await steps.undone()
          throw error
        }
        // Prefixes that only the old version had become free.
        old?.release?.()
        next.claim?.()
      }),

    take: (id, steps) =>
      exclusively(id, async () => {
        await steps.begin()
        for (const slot of slots.of(id)) slot.interrupt()
        for (const slot of slots.of(id))
          await slot.exclusive(async () => {
            await slot.stop()
            slot.renew()
            if (steps.keepData || !slot.stored) return
            await options.instances.delete(id, slot.name)
            slot.stored = undefined
            await options.forget?.(id, slot.name)
            slots.drop(slot)
          })
        packages.get(id)?.release?.()
        packages.delete(id)
        await steps.commit()
      }),
  }
}
