import type { InstanceStatus, PluginManifest } from '@patchbay/contracts/plugin'
import type { Log, Plugin } from '@patchbay/sdk'
import { systemClock, toIso } from './clock.ts'
import { createInstanceLog, createRedactor } from './config/redactor.ts'
import { sealConfig, secretsOf, storedSecretsOf } from './config/secrets.ts'
import type { Config } from './config/validate.ts'
import { toStoredConfig, verifyConfig, verifyFolder } from './configured.ts'
import { HostError, isHostError, toText } from './errors.ts'
import type { PluginHostOptions } from './host-options.ts'
import { createInstance, type LiveInstance, type StartOutcome } from './instance.ts'
import type { StoredInstance } from './instance-store.ts'
import type { Package } from './package.ts'
import { createSerial } from './serial.ts'
import { createTurns, type Turns } from './turns.ts'

/** Workers and processes that start at the same time: a hundred at once would take the time of a start from each other. */
export const maxStartsAtOnce = 4
/** A start that takes longer does not count any more. */
export const startTurnMs = 3_000

/** A package that can be run. */
export type Usable = Package & { plugin: Plugin; manifest: PluginManifest }

/** One instance: what is stored of it and what lives of it. All but `interrupt` and the getters belong inside `exclusive`. */
export interface Slot {
  readonly plugin: string
  readonly name: string
  stored: StoredInstance | undefined
  readonly status: InstanceStatus
  /** Runs, or is about to by itself. */
  readonly isUp: boolean
  exclusive<T>(work: () => Promise<T>): Promise<T>
  save(next: StoredInstance): Promise<void>
  /** At the start of the platform: leaves out what did not survive its last start. */
  boot(found: Package | undefined): Promise<void>
  start(found: Usable): Promise<StartOutcome>
  stop(): Promise<void>
  interrupt(): void
  /** After a stop, when other code is behind the plugin: the next start makes a new life. */
  renew(): void
  verify(found: Usable, config: Config): Promise<void>
  /** Saves and starts anew. A running instance whose new configuration fails keeps its previous one, and this throws. */
  replace(found: Usable, next: StoredInstance): Promise<void>
}

export const isUsable = (found: Package): found is Usable =>
  found.plugin !== undefined && found.manifest !== undefined && found.problem === undefined

const createSlot = (options: PluginHostOptions, plugin: string, name: string, turns: Turns): Slot => {
  const clock = options.clock ?? systemClock
  const serial = createSerial(() => new HostError('INSTANCE_BUSY'))
  let stored: StoredInstance | undefined
  let live: LiveInstance | undefined
  let status: InstanceStatus = { state: 'installed', since: toIso(clock.nowMicros()) }

  const logOf = (of: Plugin, config: unknown): { log: Log; redact: (text: string) => string } => {
    const isConfig = typeof config === 'object' && config !== null
    const redactor = createRedactor(isConfig ? secretsOf(of.configSchema, { ...config }) : [])
    return { log: createInstanceLog(options.log, { plugin, name }, redactor), redact: (text) => redactor.text(text) }
  }

  const hear = (next: InstanceStatus): void => {
    status = next
    try {
      options.hear?.({ kind: 'status', plugin, name, status: next })
    } catch (error) {
      options.log.error('a listener for states threw', { plugin, instance: name, err: error })
    }
  }

  const save = async (next: StoredInstance): Promise<void> => {
    await options.instances.save(next)
    stored = next
  }

  const liveOf = ({ plugin: of, manifest }: Usable): LiveInstance =>
    (live ??= createInstance({
      plugin: of,
      manifest,
      name,
      clock,
      random: options.random ?? Math.random,
      logOf: (config) => logOf(of, config),
      values: options.values(plugin, name),
      dataFolder: options.dataFolder(plugin, name),
      services: options.services,
      privateTargets: options.privateTargets ?? [],
      contribute: options.contribute,
      dispatcher: options.dispatcher,
      mark: async (starting) => {
        if (stored) await save({ ...stored, starting: starting ? stored.starting + 1 : 0 })
      },
      serialize: (work) =>
        void serial.run(work).catch((error: unknown) => {
          options.log.error('a restart of an instance failed', { plugin, instance: name, err: error })
        }),
      hear,
    }))

  const start = async (found: Usable): Promise<StartOutcome> => {
    const place = options.placeOf?.(plugin, name, found.manifest) ?? 'here'
    if (place !== 'here') {
      hear({ state: 'elsewhere', text: place.elsewhere, since: toIso(clock.nowMicros()) })
      return 'interrupted'
    }
    const instance = liveOf(found)
    if (!stored) return 'interrupted'
    let config: Config
    try {
      const { configVersion } = found.manifest
      if (stored.configVersion !== configVersion) {
        // Without the settings of the environment: what is given today must not be stored for the day it is not.
        const carried = await toStoredConfig(found.plugin, stored, configVersion, options.secrets)
        const sealed = sealConfig(found.plugin.configSchema, carried, options.secrets)
        await save({ ...stored, config: sealed, configVersion })
      }
      config = await toStoredConfig(found.plugin, stored, configVersion, options.secrets, options.settingOf)
    } catch (error) {
      // A migration of the plugin may have put a secret into its error.
      const redactor = createRedactor(storedSecretsOf(stored.config, options.secrets))
      const log = createInstanceLog(options.log, { plugin, name }, redactor)
      log.error('the stored configuration cannot be used', { err: error })
      instance.settle('needs-config', isHostError(error) ? error.code : 'CONFIG_INVALID', redactor.text(toText(error)))
      return 'bad-config'
    }
    const settings = stored
    const begin = (): Promise<StartOutcome> => instance.start(config, settings)
    return found.level === 'host' ? begin() : turns.run(begin)
  }

  /** Says whether the plugin goes on running with it. */
  const takes = async ({ plugin: of, manifest }: Usable, next: StoredInstance): Promise<boolean> =>
    live !== undefined &&
    live.take(await toStoredConfig(of, next, manifest.configVersion, options.secrets, options.settingOf))

  const stop = async (): Promise<void> => {
    if (live) await live.stop()
    else hear({ state: 'stopped', since: toIso(clock.nowMicros()) })
  }

  return {
    plugin,
    name,
    get stored() {
      return stored
    },
    set stored(next) {
      stored = next
    },
    get status() {
      return status
    },
    get isUp() {
      return ['starting', 'running', 'degraded', 'retrying'].includes(status.state)
    },
    exclusive: (work) => serial.run(work),
    save,
    start,
    stop,
    interrupt: () => live?.interrupt(),
    renew: () => void (live = undefined),

    async boot(found) {
      if (!stored) return
      const down = (code: string, text: string): void =>
        hear({ state: 'failed', code, text, since: toIso(clock.nowMicros()) })
      if (!found) return down('PLUGIN_UNKNOWN', `The plugin ${plugin} is not installed any more.`)
      if (!stored.enabled) return hear({ state: 'stopped', since: toIso(clock.nowMicros()) })
      if (!isUsable(found))
        return down(found.problem?.code ?? 'PLUGIN_UNUSABLE', found.problem?.text ?? 'The plugin was not loaded.')
      if (stored.starting >= (options.maxDeathsInStart ?? 1)) {
        options.log.error('an instance is left out: the process ended while it was starting', {
          plugin,
          instance: name,
        })
        return liveOf(found).settle('failed', 'PLUGIN_BOOT_SKIPPED', new HostError('PLUGIN_BOOT_SKIPPED').message)
      }
      await start(found)
    },

    async verify(found, config) {
      const about = {
        purpose: 'save',
        privateTargets: options.privateTargets ?? [],
        ...verifyFolder(found.manifest, options.dataFolder(plugin, name)),
      } as const
      const result = await verifyConfig(found.plugin, config, { plugin, name }, { clock, log: options.log, about })
      // What is merely not there yet is no reason against a configuration: setup tries again by itself.
      if (result.ok || result.code === 'PLUGIN_NOT_READY') return
      const fields = result.errors ?? []
      throw new HostError(result.code ?? 'PLUGIN_VERIFY_FAILED', result.text, { fields })
    },

    async replace(found, next) {
      const previous = stored
      const wasHealthy = status.state === 'running' || status.state === 'degraded'
      await save(next)
      if (previous && next.enabled && next.order === previous.order && (await takes(found, next))) return undefined
      if (previous) await stop()
      if (!next.enabled) return previous ? undefined : stop()
      const outcome = await start(found)
      if (outcome === 'running' || outcome === 'not-ready' || outcome === 'interrupted' || !previous || !wasHealthy)
        return
      const failure = live?.lastError
      const text = status.text ?? toText(failure)
      await stop()
      // The version grows all the same: it was changed twice.
      await save({ ...previous, version: next.version + 1, starting: 0 })
      await start(found)
      throw new HostError(
        outcome === 'bad-config' ? 'PLUGIN_BAD_CONFIG' : 'PLUGIN_START_REFUSED',
        `The previous configuration was kept, since the instance did not start with the new one: ${text}`,
        // Without the cause: only the text of the state is free of secrets.
        { fields: fieldsOf(failure, text) },
      )
    },
  }
}

const fieldsOf = (failure: unknown, message: string): { path: string; code: string; message: string }[] =>
  failure instanceof Error && 'path' in failure && typeof failure.path === 'string'
    ? [{ path: failure.path, code: 'bad-config', message }]
    : []

export interface Slots {
  all(): Slot[]
  of(plugin: string): Slot[]
  get(plugin: string, name: string): Slot | undefined
  make(plugin: string, name: string): Slot
  drop(slot: Slot): void
}

export function createSlots(options: PluginHostOptions): Slots {
  const slots = new Map<string, Slot>()
  const turns = createTurns(maxStartsAtOnce, startTurnMs, options.clock ?? systemClock)
  const keyOf = (plugin: string, name: string): string => `${plugin}/${name}`
  return {
    all: () => [...slots.values()],
    of: (plugin) => [...slots.values()].filter((slot) => slot.plugin === plugin),
    get: (plugin, name) => slots.get(keyOf(plugin, name)),
    make(plugin, name) {
      const key = keyOf(plugin, name)
      const slot = slots.get(key) ?? createSlot(options, plugin, name, turns)
      slots.set(key, slot)
      return slot
    },
    drop(slot) {
      const key = keyOf(slot.plugin, slot.name)
      if (slots.get(key) === slot && slot.stored === undefined) slots.delete(key)
    },
  }
}
