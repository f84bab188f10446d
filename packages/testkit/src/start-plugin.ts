import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstanceStatus, PluginManifest } from '@patchbay/contracts/plugin'
import { systemClock, type Clock } from '@patchbay/plugin-host/clock'
import { toConfig, type TestResult, verifyConfig } from '@patchbay/plugin-host/configured'
import { createInstanceLog, createRedactor } from '@patchbay/plugin-host/config/redactor'
import { secretsOf } from '@patchbay/plugin-host/config/secrets'
import { createHttpDispatcher, type HttpDispatcher } from '@patchbay/plugin-host/http/dispatcher'
import { createInstance } from '@patchbay/plugin-host/instance'
import type { IsolationLevel } from '@patchbay/plugin-host/isolation/level'
import { checkModule, checkPackage } from '@patchbay/plugin-host/manifest/check'
import { readManifest, toManifest } from '@patchbay/plugin-host/manifest/read'
import { createSerial } from '@patchbay/plugin-host/serial'
import type { Contributions } from '@patchbay/plugin-host/services'
import { apiVersion, type Plugin, type Secrets } from '@patchbay/sdk'
import fastify, { type InjectOptions, type LightMyRequestResponse } from 'fastify'
import { atLevel, hearSetup } from './at-level.ts'
import { createFakeAudit, type FakeAudit } from './fakes/audit.ts'
import { createFakeBridgeEntry, type FakeBridgeEntry } from './fakes/bridge-entry.ts'
import { createFakeDatagrams, type FakeDatagrams } from './fakes/datagrams.ts'
import { createFakeListeners, type ConnectOptions, type FakeListeners } from './fakes/listeners.ts'
import { createFakeFeed, type FakeFeed } from './fakes/feed.ts'
import { createFakeLog, type FakeLog } from './fakes/log.ts'
import { createFakeMessages, type FakeMessages } from './fakes/messages.ts'
import { createFakeSessions, type FakeSessions } from './fakes/sessions.ts'
import { createFakeStore, type FakeStore } from './fakes/store.ts'
import { createFakeTelemetry, type FakeTelemetry } from './fakes/telemetry.ts'
import { watchHandles } from './leak-check.ts'

export interface StartOptions {
  config?: unknown
  /** The plugin's own plugin.json, which is then checked with its files; or what a test manifest has otherwise. */
  manifest?: URL | Partial<PluginManifest>
  name?: string
  sessions?: FakeSessions
  store?: FakeStore
  telemetry?: FakeTelemetry
  clock?: Clock
  random?: () => number
  /** Requests under a mount with `auth: session` carry a good session. On by default. */
  authorized?: boolean
  /** The audit trail takes no more changes while this says so. */
  auditIsFull?: () => boolean
  /** Private and loopback targets that the plugin may call: what PATCHBAY_ALLOW_PRIVATE_TARGETS gives. None by default. */
  privateTargets?: readonly string[]
  /** Kept when it stops; left out = one of the test's own, which goes. */
  dataFolder?: string
  /** Where its code runs: in this thread by default. `worker` and `process` load it there, so they need `entry` or a manifest with files. */
  isolation?: IsolationLevel
  /** The module whose default export the plugin is, where there is no plugin.json beside it. */
  entry?: URL
  /** Told each time its setup has begun. */
  onSetup?: () => void
}

export interface StopReport {
  failures: { label: string; error: unknown }[]
  left: string[]
}

/** A plugin that runs. */
export interface StartedPlugin {
  readonly status: InstanceStatus
  readonly sessions: FakeSessions
  readonly messages: FakeMessages
  readonly store: FakeStore
  readonly log: FakeLog
  readonly listeners: FakeListeners
  readonly datagrams: FakeDatagrams
  readonly dispatcher: HttpDispatcher
  readonly codecs: ReadonlyMap<string, Contributions['codec']>
  readonly accessProviders: ReadonlyMap<string, Contributions['accessProvider']>
  readonly alertChannels: ReadonlyMap<string, Contributions['alertChannel']>
  readonly sinks: ReadonlyMap<string, Contributions['sink']>
  readonly bridges: ReadonlyMap<string, Contributions['bridge']>
  /** What its bridge published here. */
  readonly bridged: FakeBridgeEntry
  /** What a source has told besides its readings. */
  readonly feed: FakeFeed
  readonly dataFolder: string
  /** What the plugin has told the audit trail. */
  readonly audited: FakeAudit['entries']
  /** A request to the plugin's HTTP, through the dispatcher, without a port. */
  request(options: string | InjectOptions): Promise<LightMyRequestResponse>
  /** A client's connection to a listener or the front door. */
  connect(options?: ConnectOptions): Promise<import('node:net').Socket>
  /** The plugin's own test of a configuration: as the Test button, unless told that it is about to be saved. */
  verify(config: unknown, purpose?: 'save' | 'test'): Promise<TestResult>
  /** Gives it another configuration: stops and starts it, unless it goes on by `ctx.onConfig`. */
  reconfigure(config: unknown): Promise<void>
  /** Twice = the same report. Rejects when something was left behind. */
  stop(): Promise<StopReport>
}

/** A handle that outlived the plugin. */
export class LeakFound extends Error {
  override readonly name = 'LeakFound'
}

const testManifest: PluginManifest = {
  manifest: 1,
  id: 'under-test',
  name: 'Under test',
  summary: 'A plugin in its tests',
  api: `^${apiVersion}`,
  entry: 'src/index.ts',
  config: 'config.schema.json',
  configVersion: 1,
  instances: 'one',
  runs: 'each',
  contributes: {},
  needs: { services: ['sessions'] },
  isolation: { least: 'host' },
  docs: 'README.md',
}

const manifestOf = async (plugin: Plugin, given: StartOptions['manifest']): Promise<PluginManifest> => {
  if (!(given instanceof URL)) return toManifest({ ...testManifest, ...given }, 'The manifest of the test')
  const { manifest, folder } = await readManifest(given)
  await checkPackage(manifest, folder)
  await checkModule(manifest, folder, { default: plugin })
  return manifest
}

/** Not secret, and not the text itself: a test sees whether a plugin seals. */
const sealedBox: Secrets = {
  seal: (text) => `sealed:${Buffer.from(text).toString('base64')}`,
  open: (sealed) => Buffer.from(sealed.replace(/^sealed:/, ''), 'base64').toString(),
}
// What the fake host seals never leaves the test.
const plainBox = { seal: (text: string) => text, open: (text: string) => text }

/**
 * Runs a plugin in the real scope, with real validation and its real child Fastify; only what is around it is fake.
 *
 * @example
 * const host = await startPlugin(plugin, { manifest: new URL('../plugin.json', import.meta.url), config: { port: 0 } })
 * expect((await host.request('/x/my-plugin/lines')).json()).toEqual({ lines: 0 })
 * expect(await host.stop()).toEqual({ failures: [], left: [] })
 */
export async function startPlugin(given: Plugin, options: StartOptions = {}): Promise<StartedPlugin> {
  const manifest = await manifestOf(given, options.manifest)
  const log = createFakeLog()
  const plugin = hearSetup(await atLevel(given, manifest, options, log), options.onSetup)
  const name = options.name ?? 'default'
  const clock = options.clock ?? systemClock
  const config = toConfig(plugin, options.config ?? {}, undefined, plainBox)
  const leaks = watchHandles()
  const sessions = options.sessions ?? createFakeSessions()
  const messages = createFakeMessages()
  const privateTargets = options.privateTargets ?? []
  const store = options.store ?? createFakeStore()
  const listeners = createFakeListeners()
  const datagrams = createFakeDatagrams()
  const codecs = new Map<string, Contributions['codec']>()
  const accessProviders = new Map<string, Contributions['accessProvider']>()
  const alertChannels = new Map<string, Contributions['alertChannel']>()
  const audit = createFakeAudit(options.auditIsFull)
  const feed = createFakeFeed()
  const sinks = new Map<string, Contributions['sink']>()
  const bridges = new Map<string, Contributions['bridge']>()
  const bridged = createFakeBridgeEntry()
  const dataFolder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'patchbay-plugin-')))
  const dispatcher = createHttpDispatcher({
    authorize: async () => ((options.authorized ?? true) ? 'admitted' : 'AUTH_REQUIRED'),
    connectionOf: (socket) => listeners.connectionOf(socket),
    log,
    clock,
  })
  const contributions: { [K in keyof Contributions]: Map<string, Contributions[K]> } = {
    codec: codecs,
    accessProvider: accessProviders,
    alertChannel: alertChannels,
    sink: sinks,
    bridge: bridges,
  }
  const serial = createSerial(() => new TypeError('too many calls'))
  const instance = createInstance({
    plugin,
    manifest,
    name,
    clock,
    random: options.random ?? (() => 0.5),
    logOf: (of) => {
      const redactor = createRedactor(secretsOf(plugin.configSchema, { ...Object(of) }))
      return {
        log: createInstanceLog(log, { plugin: manifest.id, name }, redactor),
        redact: (text) => redactor.text(text),
      }
    },
    mark: async () => undefined,
    serialize: (work) => void serial.run(work).catch((error: unknown) => log.error('a restart failed', { err: error })),
    hear: () => undefined,
    values: store,
    dataFolder,
    services: (owner) => ({
      sessions,
      messages,
      door: { permitsPlain: () => true, trustsProxy: () => true, handOver: () => false },
      secrets: sealedBox,
      callers: { may: async () => options.authorized ?? true },
      audit,
      telemetry: options.telemetry ?? createFakeTelemetry(),
      metrics: () => undefined,
      shared: undefined,
      preSharedKeys: (device) => sessions.preSharedKeys(device),
      bridgeLink: () => bridged.link,
      feed: feed.open,
      ...listeners.of(owner),
      ...datagrams.of(owner),
    }),
    privateTargets,
    contribute: (kind, of, implementation) => {
      const list = contributions[kind]
      list.set(of, implementation)
      return () => void list.delete(of)
    },
    dispatcher,
  })

  const front = fastify({ logger: false })
  front.addHook('onRequest', (request, reply, done) => {
    if (dispatcher.handle(request.raw, reply.raw)) reply.hijack()
    done()
  })
  await front.ready()
  await serial.run(() => instance.start(config, {}))

  let stopped: Promise<StopReport> | undefined
  const stop = async (): Promise<StopReport> => {
    instance.interrupt()
    const report = await serial.run(() => instance.stop())
    await front.close()
    await listeners.close()
    await datagrams.close()
    if (options.dataFolder === undefined) await rm(dataFolder, { recursive: true, force: true })
    const found = await leaks()
    if (found.length > 0) throw new LeakFound(`The plugin left handles behind: ${found.join(', ')}.`)
    return report
  }

  return {
    get status() {
      return instance.status
    },
    sessions,
    messages,
    store,
    log,
    listeners,
    datagrams,
    dispatcher,
    codecs,
    accessProviders,
    alertChannels,
    sinks,
    bridges,
    bridged,
    feed,
    dataFolder,
    audited: audit.entries,
    request: (of) => front.inject(of),
    connect: (how) => listeners.connect(how),
    verify: (of, purpose = 'test') =>
      verifyConfig(
        plugin,
        toConfig(plugin, of, undefined, plainBox),
        { plugin: manifest.id, name },
        { clock, log, about: { purpose, privateTargets, messages, dataFolder: async () => dataFolder } },
      ),
    reconfigure: (of) =>
      serial.run(async () => {
        const next = toConfig(plugin, of, undefined, plainBox)
        if (await instance.take(next)) return
        await instance.stop()
        await instance.start(next, {})
      }),
    stop: () => (stopped ??= stop()),
  }
}
