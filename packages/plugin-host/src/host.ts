import type { Instance, InstanceStatus, PluginManifest } from '@patchbay/contracts/plugin'
import { apiVersion as sdkApiVersion, type Deprecation, deprecations, type Plugin } from '@patchbay/sdk'
import { systemClock } from './clock.ts'
import { differentSecrets, maskConfig, openConfig, sealConfig, showConfig } from './config/secrets.ts'
import { type TestResult, toConfig, verifyConfig, verifyFolder } from './configured.ts'
import { HostError, toText } from './errors.ts'
import { createExchange, type PackageExchange } from './exchange.ts'
import type { PluginHostOptions } from './host-options.ts'
import type { IsolationLevel } from './isolation/level.ts'
import { settingsOf, type InstanceSettings, type StoredInstance } from './instance-store.ts'
import { loadPackage, type Package, type PackageSource } from './package.ts'
import { createSlots, isUsable, type Slot } from './slot.ts'

/** Instances of one plugin. */
export const maxInstances = 100
const instanceName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const onlyName = 'default'

/** What a person sends for an instance. */
export interface InstanceInput extends InstanceSettings {
  enabled?: boolean
  config: unknown
}

/** What an instance would be after a put, as people may see it, and where its secrets would differ from the stored ones. */
export interface InstanceForecast {
  enabled: boolean
  order?: number
  config: Record<string, unknown>
  /** JSON pointers into the configuration; all of them where there is no instance yet. */
  secrets: string[]
}

/** A plugin as REST shows it. */
export interface PluginView {
  id: string
  version: string
  bundled: boolean
  linked?: boolean
  /** Where its code runs. */
  level?: IsolationLevel
  manifest?: PluginManifest
  configSchema: unknown
  instances: { name: string; enabled: boolean; state: InstanceStatus['state'] }[]
  problem?: { code: string; text: string }
  /** What it uses and should not any more. */
  deprecated?: Deprecation[]
}

export interface PluginHost {
  /** Loads all packages and tries to start all enabled instances. Never rejects because of a plugin. */
  start(): Promise<void>
  stop(): Promise<void>
  plugins(): PluginView[]
  plugin(id: string): PluginView
  instances(id: string): Instance[]
  instance(id: string, name: string): Instance
  put(id: string, name: string, input: InstanceInput, expectedVersion?: number): Promise<Instance>
  /** Checks what would be put as `put` does, but for the plugin's own test, and changes nothing. */
  foresee(id: string, name: string, input: InstanceInput): InstanceForecast
  remove(id: string, name: string, expectedVersion?: number): Promise<void>
  enable(id: string, name: string): Promise<Instance>
  disable(id: string, name: string): Promise<Instance>
  restart(id: string, name: string): Promise<Instance>
  /** Where the instance runs may have changed: it is started or stopped here. */
  replace(id: string, name: string): Promise<void>
  /** Another process changed the documents of these instances (`plugin/name`), or of any. */
  reread(ids?: readonly string[]): Promise<void>
  /** For what installs, swaps and removes packages. */
  readonly exchange: PackageExchange
  /** The plugin's own test of unsaved values. `name`: kept secrets are the ones of this instance. */
  test(id: string, name: string | undefined, config: unknown): Promise<TestResult>
}

/** Loads plugins and keeps their instances alive. It knows nothing of what they do. */
export function createPluginHost(options: PluginHostOptions): PluginHost {
  const { log } = options
  const clock = options.clock ?? systemClock
  const packages = new Map<string, Package>()
  const slots = createSlots(options)
  const changing = new Set<string>()

  const packageOf = (id: string): Package => {
    const found = packages.get(id)
    if (!found) throw new HostError('PLUGIN_UNKNOWN', `No plugin ${id} is installed.`)
    return found
  }
  const usable = (id: string): Package & { plugin: Plugin; manifest: PluginManifest } => {
    const found = packageOf(id)
    const { plugin, manifest, problem } = found
    if (problem || !plugin || !manifest)
      throw new HostError('PLUGIN_UNUSABLE', `${id} was refused: ${problem?.text ?? 'it was not loaded.'}`)
    return { ...found, plugin, manifest }
  }
  const assertSettled = (id: string): void => {
    if (changing.has(id)) throw new HostError('PACKAGE_BUSY', `${id} is being changed. Try again in a few seconds.`)
  }
  const slotOf = (id: string, name: string): Slot => {
    packageOf(id)
    const slot = slots.get(id, name)
    if (!slot?.stored) throw new HostError('INSTANCE_UNKNOWN', `${id} has no instance ${name}.`)
    return slot
  }

  const toInstance = (slot: Slot, stored: StoredInstance): Instance => ({
    plugin: stored.plugin,
    name: stored.name,
    enabled: stored.enabled,
    ...settingsOf(stored),
    config: maskConfig(stored.config),
    state: slot.status.state,
    status: slot.status,
    version: stored.version,
  })
  const storedSlots = (id: string): { slot: Slot; stored: StoredInstance }[] =>
    slots.of(id).flatMap((slot) => (slot.stored ? [{ slot, stored: slot.stored }] : []))

  const toView = (found: Package): PluginView => ({
    id: found.id,
    version: found.version,
    bundled: found.bundled,
    ...(found.linked === true ? { linked: true } : {}),
    ...(found.level === undefined ? {} : { level: found.level }),
    ...(found.manifest ? { manifest: found.manifest } : {}),
    configSchema: found.plugin?.configSchema ?? {},
    instances: storedSlots(found.id).map(({ slot, stored: { name, enabled } }) => ({
      name,
      enabled,
      state: slot.status.state,
    })),
    ...(found.problem ? { problem: found.problem } : {}),
    ...(found.deprecated && found.deprecated.length > 0 ? { deprecated: [...found.deprecated] } : {}),
  })

  const assertVersion = (stored: StoredInstance | undefined, expected: number | undefined): void => {
    if (expected !== undefined && expected !== (stored?.version ?? 0)) throw new HostError('VERSION_CONFLICT')
  }
  const assertName = (manifest: PluginManifest, name: string): void => {
    if (manifest.instances === 'one' && name !== onlyName)
      throw new HostError('INSTANCE_NAME_INVALID', `${manifest.id} has one instance only, named ${onlyName}.`)
    if (!instanceName.test(name))
      throw new HostError(
        'INSTANCE_NAME_INVALID',
        'A name has letters, digits and . _ - and begins with a letter or digit.',
      )
    if (!slots.get(manifest.id, name)?.stored && storedSlots(manifest.id).length >= maxInstances)
      throw new HostError('INSTANCES_EXCEEDED', `${manifest.id} has ${maxInstances} instances already.`)
  }

  const load = (source: PackageSource): Promise<Package> =>
    loadPackage(source, {
      apiVersion: options.apiVersion ?? sdkApiVersion,
      deprecations: options.deprecations ?? deprecations,
      dispatcher: options.dispatcher,
      log,
      ...(options.pingMs === undefined ? {} : { pingMs: options.pingMs }),
      taken: (id) => packages.has(id) && source.id !== id,
    })

  /** Secrets that cannot be opened any more differ from whatever comes. */
  const toOpened = (stored: StoredInstance | undefined): Record<string, unknown> => {
    if (!stored) return {}
    try {
      return openConfig(stored.config, options.secrets)
    } catch (error) {
      if (error instanceof HostError) return {}
      throw error
    }
  }

  const loadAll = async (): Promise<void> => {
    // Code cannot be loaded twice: a host that starts again has its packages already.
    if (packages.size > 0) return
    for (const source of [...options.bundled, ...(options.installed?.() ?? [])]) {
      const found = await load(source)
      if (found.problem) log.error('a plugin was refused', { plugin: found.id, ...found.problem })
      if (!packages.has(found.id)) packages.set(found.id, found)
    }
  }

  const makeDefaults = async (): Promise<void> => {
    const made = options.values('host', 'defaults')
    for (const { plugin: id, name, config } of options.defaults ?? []) {
      try {
        const found = packages.get(id)
        const key = `${id}/${name}`
        if (!found?.plugin || !found.manifest || (await made.get(key)) === true) continue
        if (!slots.get(id, name)?.stored) {
          const checked = toConfig(found.plugin, config, undefined, options.secrets)
          const sealed = sealConfig(found.plugin.configSchema, checked, options.secrets)
          const { configVersion } = found.manifest
          await slots
            .make(id, name)
            .save({ plugin: id, name, enabled: true, config: sealed, configVersion, starting: 0, version: 1 })
        }
        await made.set(key, true)
      } catch (error) {
        log.error('a default instance could not be made', { plugin: id, instance: name, err: error })
      }
    }
  }

  const enableOrDisable = async (id: string, name: string, enabled: boolean): Promise<Instance> => {
    assertSettled(id)
    if (enabled) usable(id)
    const asked = slotOf(id, name)
    if (!enabled) asked.interrupt()
    return asked.exclusive(async () => {
      const { stored } = slotOf(id, name)
      if (!stored) throw new HostError('INSTANCE_UNKNOWN')
      const next = { ...stored, enabled, starting: 0, version: stored.version + (stored.enabled === enabled ? 0 : 1) }
      await asked.save(next)
      if (!enabled) await asked.stop()
      else if (!asked.isUp) await asked.start(usable(id))
      return toInstance(asked, next)
    })
  }

  return {
    async start() {
      await loadAll()
      for (const stored of await options.instances.list()) slots.make(stored.plugin, stored.name).stored = stored
      await makeDefaults()
      await Promise.all(
        slots.all().map(async (slot) => {
          try {
            const found = packages.get(slot.plugin)
            await slot.exclusive(() => slot.boot(found))
          } catch (error) {
            log.error('an instance could not be started', { plugin: slot.plugin, instance: slot.name, err: error })
          }
        }),
      )
    },

    async stop() {
      const all = slots.all()
      for (const slot of all) slot.interrupt()
      await Promise.all(
        all.map(async (slot) => {
          try {
            await slot.exclusive(() => slot.stop())
          } catch (error) {
            log.error('an instance could not be stopped', { plugin: slot.plugin, instance: slot.name, err: error })
          }
        }),
      )
    },

    exchange: createExchange({ options, packages, slots, load, changing }),
    plugins: () => [...packages.values()].map(toView),
    plugin: (id) => toView(packageOf(id)),
    instances(id) {
      packageOf(id)
      return storedSlots(id).map(({ slot, stored }) => toInstance(slot, stored))
    },
    instance(id, name) {
      const slot = slotOf(id, name)
      if (!slot.stored) throw new HostError('INSTANCE_UNKNOWN')
      return toInstance(slot, slot.stored)
    },

    async put(id, name, input, expectedVersion) {
      assertSettled(id)
      const found = usable(id)
      assertName(found.manifest, name)
      const slot = slots.make(id, name)
      return slot.exclusive(async () => {
        const previous = slot.stored
        assertVersion(previous, expectedVersion)
        const config = toConfig(found.plugin, input.config, previous, options.secrets)
        const enabled = input.enabled ?? previous?.enabled ?? true
        if (enabled) await slot.verify(found, config)
        const next: StoredInstance = {
          plugin: id,
          name,
          enabled,
          ...settingsOf(previous ?? {}),
          ...settingsOf(input),
          config: sealConfig(found.plugin.configSchema, config, options.secrets),
          configVersion: found.manifest.configVersion,
          starting: 0,
          version: (previous?.version ?? 0) + 1,
        }
        await slot.replace(found, next)
        return toInstance(slot, next)
      })
    },

    foresee(id, name, input) {
      const { plugin, manifest } = usable(id)
      assertName(manifest, name)
      const previous = slots.get(id, name)?.stored
      const config = toConfig(plugin, input.config, previous, options.secrets)
      const order = input.order ?? previous?.order
      return {
        enabled: input.enabled ?? previous?.enabled ?? true,
        ...(order === undefined ? {} : { order }),
        config: showConfig(plugin.configSchema, config),
        secrets: differentSecrets(plugin.configSchema, toOpened(previous), config),
      }
    },

    async remove(id, name, expectedVersion) {
      assertSettled(id)
      const slot = slotOf(id, name)
      assertVersion(slot.stored, expectedVersion)
      slot.interrupt()
      await slot.exclusive(async () => {
        assertVersion(slotOf(id, name).stored, expectedVersion)
        await options.instances.delete(id, name)
        slot.stored = undefined
        await slot.stop()
        slots.drop(slot)
        try {
          await options.forget?.(id, name)
        } catch (error) {
          log.error('what a removed instance stored could not be deleted', {
            plugin: id,
            instance: name,
            err: toText(error),
          })
        }
      })
    },

    enable: (id, name) => enableOrDisable(id, name, true),
    disable: (id, name) => enableOrDisable(id, name, false),

    async restart(id, name) {
      assertSettled(id)
      const found = usable(id)
      const slot = slotOf(id, name)
      slot.interrupt()
      return slot.exclusive(async () => {
        const { stored } = slotOf(id, name)
        if (!stored) throw new HostError('INSTANCE_UNKNOWN')
        const next = { ...stored, starting: 0 }
        await slot.save(next)
        await slot.stop()
        if (next.enabled) await slot.start(found)
        return toInstance(slot, next)
      })
    },

    async replace(id, name) {
      const slot = slots.get(id, name)
      const found = packages.get(id)
      if (!slot || !found || !isUsable(found)) return
      const isHere = () => (options.placeOf?.(id, name, found.manifest) ?? 'here') === 'here'
      if (!isHere()) slot.interrupt()
      await slot.exclusive(async () => {
        if (!slot.stored?.enabled) return
        if (isHere()) {
          if (!slot.isUp) await slot.start(found)
          return
        }
        if (slot.isUp) await slot.stop()
        await slot.start(found)
      })
    },

    async reread(ids) {
      const all = new Map((await options.instances.list()).map((each) => [`${each.plugin}/${each.name}`, each]))
      const asked = ids ?? [...all.keys(), ...slots.all().map(({ plugin, name }) => `${plugin}/${name}`)]
      for (const id of new Set(asked)) {
        const [plugin = '', name = ''] = id.split('/')
        const next = all.get(id)
        const slot = next ? slots.make(plugin, name) : slots.get(plugin, name)
        const found = packages.get(plugin)
        if (!slot || slot.stored?.version === next?.version) continue
        slot.interrupt()
        await slot.exclusive(async () => {
          slot.stored = next
          await slot.stop()
          if (!next) return slots.drop(slot)
          if (next.enabled && found && isUsable(found)) await slot.start(found)
        })
      }
    },

    async test(id, name, input) {
      const { plugin, manifest } = usable(id)
      const stored = name === undefined ? undefined : slots.get(id, name)?.stored
      const config = toConfig(plugin, input, stored, options.secrets)
      const messages = manifest.needs.services?.includes('messages')
        ? options.testMessages?.(id, name ?? 'test')
        : undefined
      const about = {
        purpose: 'test',
        privateTargets: options.privateTargets ?? [],
        ...(messages ? { messages } : {}),
        ...verifyFolder(manifest, options.dataFolder(id, name ?? 'test')),
      } as const
      return verifyConfig(plugin, config, { plugin: id, name: name ?? 'test' }, { clock, log, about })
    },
  }
}
