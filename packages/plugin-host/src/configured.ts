import { mkdir } from 'node:fs/promises'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { FieldError } from '@patchbay/contracts/problem'
import { maxReplyChars } from '@patchbay/contracts/notification'
import { isBadConfig, isNotReady, type Log, type Plugin, type VerifyAbout } from '@patchbay/sdk'
import type { Clock } from './clock.ts'
import { migrateConfig } from './config/migrate.ts'
import { NotPlain } from './config/plain.ts'
import { createInstanceLog, createRedactor } from './config/redactor.ts'
import { keepSecrets, openConfig, type SecretBox, secretsOf } from './config/secrets.ts'
import { type Config, validateConfig } from './config/validate.ts'
import { within } from './deadline.ts'
import { HostError, toText } from './errors.ts'
import type { StoredInstance } from './instance-store.ts'
import { type Owner, runOwned } from './owner.ts'

/** What the plugin's own test of a configuration may take. */
export const verifyMs = 10_000

const invalid = (errors: readonly FieldError[], cause?: unknown): HostError =>
  new HostError(
    'CONFIG_INVALID',
    `The configuration is not as the plugin describes it: ${errors
      .slice(0, 3)
      .map(({ path, message }) => `${path === '' ? 'it' : path} ${message}`)
      .join('; ')}.`,
    { fields: errors, cause },
  )

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}

/** What a person sent, with kept secrets in place and defaults applied. Throws CONFIG_INVALID. */
export function toConfig(plugin: Plugin, input: unknown, stored: StoredInstance | undefined, box: SecretBox): Config {
  let opened: Config | undefined
  try {
    opened = stored && openConfig(stored.config, box)
  } catch {
    // Secrets that cannot be opened cannot be kept either; the fields that ask for it say so.
    opened = undefined
  }
  try {
    const kept = keepSecrets(plugin.configSchema, input, opened)
    if (kept.errors.length > 0) throw invalid(kept.errors)
    return checked(plugin, kept.config)
  } catch (error) {
    if (error instanceof NotPlain) throw invalid([error.field], error)
    throw error
  }
}

const checked = (plugin: Plugin, input: unknown): Config => {
  const result = validateConfig(plugin.configSchema, input)
  if (!result.ok) throw invalid(result.errors)
  return freeze(result.config)
}

/** The value of a setting of the environment, undefined when it is not given. */
export type SettingOf = (name: string) => unknown

/** Fields that name a setting take its value where it is given: the environment beats what is stored. */
const withSettings = (plugin: Plugin, config: Config, settingOf: SettingOf | undefined): Config => {
  if (!settingOf) return config
  const given = Object.entries(plugin.configSchema.properties).flatMap(([field, schema]) => {
    const name: unknown = Reflect.get(schema, 'x-setting')
    const value = typeof name === 'string' ? settingOf(name) : undefined
    return value === undefined ? [] : [[field, value] as const]
  })
  return { ...config, ...Object.fromEntries(given) }
}

/** A stored configuration, opened, carried over to the plugin's version, with the settings of the environment, and checked. */
export const toStoredConfig = async (
  plugin: Plugin,
  stored: StoredInstance,
  version: number,
  box: SecretBox,
  settingOf?: SettingOf,
): Promise<Config> => {
  const migrated = await migrateConfig(plugin, openConfig(stored.config, box), stored.configVersion, version)
  return checked(plugin, withSettings(plugin, migrated, settingOf))
}

export interface TestResult {
  ok: boolean
  /** The plugin offers no test; the configuration is well formed. */
  untested?: boolean
  /** What the remote said, in its own words. */
  reply?: string
  code?: 'PLUGIN_BAD_CONFIG' | 'PLUGIN_NOT_READY' | 'PLUGIN_VERIFY_FAILED'
  text?: string
  errors?: readonly FieldError[]
}

const callVerify = (verify: Plugin['verify'], config: Config, signal: AbortSignal, about: VerifyAbout): unknown =>
  verify && Reflect.apply(verify, undefined, [config, signal, about])

const replyOf = (answer: unknown): string | undefined => {
  const reply: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'reply') : undefined
  return typeof reply === 'string' ? reply : undefined
}

/** The instance's folder for a test, made on first use, where the manifest asks for one. */
export const verifyFolder = (manifest: PluginManifest, path: string): Pick<VerifyAbout, 'dataFolder'> =>
  manifest.needs.files?.includes('data')
    ? { dataFolder: () => mkdir(path, { recursive: true, mode: 0o700 }).then(() => path) }
    : {}

/** The plugin's own test of a configuration that is not saved. Never rejects, and says no secret. */
export async function verifyConfig(
  plugin: Plugin,
  config: Config,
  instance: { plugin: string; name: string },
  { clock, log, about }: { clock: Clock; log: Log; about: VerifyAbout },
): Promise<TestResult> {
  const { verify } = plugin
  if (!verify) return { ok: true, untested: true }
  const redactor = createRedactor(secretsOf(plugin.configSchema, config))
  const ownLog = createInstanceLog(log, instance, redactor)
  const owner: Owner = { ...instance, crashed: (error) => ownLog.warn('a test threw later', { err: error }) }
  const abort = new AbortController()
  const outcome = await within(clock, verifyMs, () =>
    runOwned(owner, async () => callVerify(verify, config, abort.signal, about)),
  )
  abort.abort()
  if (outcome.kind === 'done') {
    const reply = replyOf(outcome.value)
    return { ok: true, ...(reply === undefined ? {} : { reply: redactor.text(reply).slice(0, maxReplyChars) }) }
  }
  if (outcome.kind === 'late')
    return { ok: false, code: 'PLUGIN_NOT_READY', text: `The test did not end within ${verifyMs} ms.` }
  const { error } = outcome
  const text = redactor.text(toText(error))
  if (isBadConfig(error))
    return {
      ok: false,
      code: 'PLUGIN_BAD_CONFIG',
      text,
      errors: [{ path: error.path, code: 'bad-config', message: text }],
    }
  return { ok: false, code: isNotReady(error) ? 'PLUGIN_NOT_READY' : 'PLUGIN_VERIFY_FAILED', text }
}
