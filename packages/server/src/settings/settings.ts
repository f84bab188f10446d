import { resolve, sep } from 'node:path'
import { isLoopback } from './addresses.ts'
import { type Declaration, declarations } from './declarations.ts'
import { everyRole, Unfit } from './kinds.ts'
import { SettingsError } from './settings-error.ts'
import type { StoredSettings } from './stored-settings.ts'

type Declarations = typeof declarations
type RequiredKey = {
  [K in keyof Declarations]: Declarations[K] extends { fallback: string } ? K : never
}[keyof Declarations]
type ValueOf<D> = D extends Declaration<infer T> ? T : never

/** All settings, read and checked. `data`, `tlsCert` and `tlsKey` are absolute paths. */
export type Settings = { readonly [K in RequiredKey]: ValueOf<Declarations[K]> } & {
  readonly [K in Exclude<keyof Declarations, RequiredKey>]?: ValueOf<Declarations[K]>
} & {
  /** What the environment gives, by the name of the setting: it beats what the console stores. */
  readonly given: ReadonlyMap<string, unknown>
  /** The same as text, as it stands there. */
  readonly texts: ReadonlyMap<string, string>
  /** What the console stored before the start, as it would stand in the environment. */
  readonly stored: StoredSettings
}

// What Kubernetes injects for a service named `patchbay`, and the switch of our own tests.
const notOurs = /^PATCHBAY_(SERVICE_|PORT_\d+_|TEST_LONG$)/
const reference = 'docs/reference/settings.md lists the names'

/** Reads the environment: the one place where it is looked at. Throws `SettingsError` at the first thing wrong. */
export function readSettings(
  surroundings: Readonly<Record<string, string | undefined>>,
  stored: StoredSettings = {},
): Settings {
  refuseUnknown(surroundings)
  // An empty variable is absent: what is stored holds then.
  const env: Record<string, string | undefined> = { ...surroundings }
  for (const [name, text] of Object.entries(stored)) env[name] = surroundings[name]?.trim() || text
  const value = <T>(declaration: Declaration<T>): T | undefined => read(declaration, env)
  const sure = <T>(declaration: Declaration<T, string>): T =>
    readText(declaration, given(declaration, env) ?? declaration.fallback)
  const d = declarations
  const config = value(d.config)
  const backups = value(d.backups)
  const backupPassphrase = value(d.backupPassphrase)
  const tlsCert = value(d.tlsCert)
  const tlsKey = value(d.tlsKey)
  const apiKey = value(d.apiKey)
  const adminUser = value(d.adminUser)
  const adminPassword = value(d.adminPassword)
  const publicUrl = value(d.publicUrl)
  const masterKey = value(d.masterKey)
  const mongodbUrl = value(d.mongodbUrl)
  const redisUrl = value(d.redisUrl)
  const redisCa = value(d.redisCa)
  const pluginVerified = value(d.pluginVerified)
  const pluginRegistry = value(d.pluginRegistry)
  const everything = Object.values(d)
  const settings: Settings = {
    given: new Map(
      everything.flatMap((one) =>
        given(one, surroundings) === undefined ? [] : [[one.name, value<unknown>(one)] as const],
      ),
    ),
    texts: new Map(
      everything.flatMap((one) => {
        const text = given(one, surroundings)
        return text === undefined ? [] : [[one.name, text] as const]
      }),
    ),
    stored,
    host: sure(d.host),
    port: sure(d.port),
    plain: sure(d.plain),
    data: resolve(sure(d.data)),
    trustedProxies: sure(d.trustedProxies),
    tlsNames: sure(d.tlsNames),
    openTopics: sure(d.openTopics),
    allowPrivateTargets: sure(d.allowPrivateTargets),
    durability: sure(d.durability),
    roles: sure(d.roles),
    pluginPolicy: sure(d.pluginPolicy),
    pluginPublishers: sure(d.pluginPublishers),
    pluginLinks: sure(d.pluginLinks),
    mqttPort: sure(d.mqttPort),
    mqttsPort: sure(d.mqttsPort),
    coapPort: sure(d.coapPort),
    coapsPort: sure(d.coapsPort),
    amqpPort: sure(d.amqpPort),
    grpcPort: sure(d.grpcPort),
    ...(config === undefined ? {} : { config: resolve(config) }),
    ...(backups === undefined ? {} : { backups: resolve(backups) }),
    ...(backupPassphrase === undefined ? {} : { backupPassphrase }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(adminUser === undefined ? {} : { adminUser }),
    ...(adminPassword === undefined ? {} : { adminPassword }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(masterKey === undefined ? {} : { masterKey }),
    ...(mongodbUrl === undefined ? {} : { mongodbUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(redisCa === undefined ? {} : { redisCa: resolve(redisCa) }),
    ...(pluginVerified === undefined ? {} : { pluginVerified: resolve(pluginVerified) }),
    ...(pluginRegistry === undefined ? {} : { pluginRegistry }),
    ...(tlsCert === undefined ? {} : { tlsCert: resolve(tlsCert) }),
    ...(tlsKey === undefined ? {} : { tlsKey: resolve(tlsKey) }),
  }
  refuseHalves(env)
  if (settings.openTopics.length > 0 && !isLoopback(settings.host)) {
    throw new SettingsError(
      d.openTopics.name,
      `opens topics to anonymous clients while PATCHBAY_HOST is ${JSON.stringify(settings.host)}`,
      'unset it, or set PATCHBAY_HOST to 127.0.0.1',
    )
  }
  if (settings.roles.length < everyRole.length && mongodbUrl === undefined) {
    throw new SettingsError(
      d.roles.name,
      'leaves some of the work to other nodes without MONGODB_URL, which nodes share',
      'set MONGODB_URL, or leave it out',
    )
  }
  if (settings.backups !== undefined && isWithin(settings.backups, settings.data)) {
    throw new SettingsError(
      d.backups.name,
      `names ${settings.backups}, which lies in the data folder`,
      'name one outside, best on another disk',
    )
  }
  if (settings.pluginLinks.length > 0 && (!isLoopback(settings.host) || settings.pluginPolicy !== 'any')) {
    throw new SettingsError(
      d.pluginLinks.name,
      'runs unpacked plugins, which only a server for development may',
      'unset it, or set PATCHBAY_HOST to 127.0.0.1 and PATCHBAY_PLUGIN_POLICY to any',
    )
  }
  return settings
}

const isWithin = (path: string, folder: string): boolean => `${path}${sep}`.startsWith(`${folder}${sep}`)

// An empty variable is an absent one: compose files write `${NAME:-}` for that.
const given = (declaration: { name: string }, env: Readonly<Record<string, string | undefined>>) =>
  env[declaration.name]?.trim() || undefined

function read<T>(declaration: Declaration<T>, env: Readonly<Record<string, string | undefined>>): T | undefined {
  const text = given(declaration, env) ?? declaration.fallback
  return text === undefined ? undefined : readText(declaration, text)
}

function readText<T>(declaration: Declaration<T>, text: string): T {
  try {
    return declaration.read(text)
  } catch (cause) {
    if (cause instanceof Unfit) throw new SettingsError(declaration.name, cause.problem, cause.remedy, { cause })
    throw cause
  }
}

function refuseUnknown(env: Readonly<Record<string, string | undefined>>): void {
  const known = new Set<string>(Object.values(declarations).map((one) => one.name))
  for (const name of Object.keys(env)) {
    if (!name.startsWith('PATCHBAY_') || known.has(name) || notOurs.test(name)) continue
    throw new SettingsError(name, 'is not a setting', `unset it or mend its spelling (${reference})`)
  }
}

function refuseHalves(env: Readonly<Record<string, string | undefined>>): void {
  const d = declarations
  for (const [one, other] of [
    [d.adminUser, d.adminPassword],
    [d.adminPassword, d.adminUser],
    [d.tlsCert, d.tlsKey],
    [d.tlsKey, d.tlsCert],
  ] as const) {
    if (given(one, env) === undefined || given(other, env) !== undefined) continue
    throw new SettingsError(one.name, `is set without ${other.name}`, 'set both or neither')
  }
}
