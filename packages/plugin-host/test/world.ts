import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PluginManifest } from '@patchbay/contracts/plugin'
import type { Sessions } from '@patchbay/contracts/session'
import type { KeyValue, Log, Plugin } from '@patchbay/sdk'
import type { Clock } from '../src/clock.ts'
import { createPluginHost, type PluginHost } from '../src/host.ts'
import type { HostEvent, PluginHostOptions } from '../src/host-options.ts'
import { createHttpDispatcher, type HttpDispatcher } from '../src/http/dispatcher.ts'
import type { InstanceStore, StoredInstance } from '../src/instance-store.ts'
import { toConfigSchemaFile } from '../src/manifest/check.ts'
import type { BundledPlugin } from '../src/package.ts'

/** Services that no test here looks at. */
export const ownServices = {
  door: { permitsPlain: () => true, trustsProxy: () => false, handOver: () => false },
  secrets: { seal: (text: string) => text, open: (text: string) => text },
  callers: { may: async () => true },
  audit: { isFull: () => false, record: () => undefined },
  telemetry: {
    as: async () => {
      throw new Error('not used')
    },
  },
  metrics: () => undefined,
  feed: () => ({ park: async () => 0, createDevice: async () => undefined, report: () => undefined }),
}

export const manifestOf = (id: string, more: Partial<PluginManifest> = {}): PluginManifest => ({
  manifest: 1,
  id,
  name: id,
  summary: 'A plugin for tests',
  api: '^1.0.0',
  entry: 'index.ts',
  config: 'config.schema.json',
  configVersion: 1,
  instances: 'one',
  runs: 'each',
  contributes: {},
  needs: {},
  isolation: { least: 'host' },
  limits: { startMs: 200, stopMs: 300 },
  docs: 'README.md',
  ...more,
})

/** Writes a package as it lies on disk. */
export async function writePackage(
  root: string,
  plugin: Plugin,
  manifest: { id: string },
  files: Record<string, string> = {},
): Promise<BundledPlugin> {
  const folder = join(root, manifest.id)
  await mkdir(folder, { recursive: true })
  const all = {
    'plugin.json': JSON.stringify(manifest),
    'package.json': JSON.stringify({ name: manifest.id, version: '2.3.4' }),
    'index.ts': '',
    'README.md': '',
    'config.schema.json': toConfigSchemaFile(plugin),
    ...files,
  }
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text)
  return { manifestFile: join(folder, 'plugin.json'), load: async () => ({ default: plugin }) }
}

export interface FakeClock extends Clock {
  advance(ms: number): Promise<void>
}

export function createFakeClock(): FakeClock {
  let nowMs = 0
  const timers = new Set<{ atMs: number; work: () => void }>()
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  }
  return {
    nowMicros: () => 1_767_225_600_000_000 + nowMs * 1000,
    monotonicMs: () => nowMs,
    after(ms, work) {
      const timer = { atMs: nowMs + ms, work }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      await settle()
      const untilMs = nowMs + ms
      for (;;) {
        const due = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (!due) break
        timers.delete(due)
        nowMs = Math.max(nowMs, due.atMs)
        due.work()
        await settle()
      }
      nowMs = untilMs
      await settle()
    },
  }
}

export interface World {
  root: string
  host: PluginHost
  dispatcher: HttpDispatcher
  stored: Map<string, StoredInstance>
  events: HostEvent[]
  lines: { level: string; message: string; fields: Record<string, unknown> }[]
  logText(): string
  /** What is contributed at the moment, such as `codec cbor`. */
  contributed: Set<string>
  listening: Set<string>
  /** False: nobody is logged in. */
  authorized: boolean | 'AUTH_FORBIDDEN'
  close(): Promise<void>
}

const noSessions: Sessions = {
  open: () => Promise.reject(new TypeError('no platform here')),
  refuse: () => undefined,
  publishFor: () => Promise.reject(new TypeError('no platform here')),
  relay: () => undefined,
}

const reversed = (text: string): string => text.split('').toReversed().join('')

export interface WorldOptions extends Partial<PluginHostOptions> {
  packages?: readonly [Plugin, PluginManifest][]
  /** Packages that are made once the folder is there. */
  write?(root: string): Promise<readonly BundledPlugin[]>
  initial?: readonly StoredInstance[]
  /** In the place of the platform, which is not there. */
  publishFor?: Sessions['publishFor']
}

/** A host with all that is around it in memory, and packages on a real disk. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  // As the start of the platform does: a worker is handed the folder of it.
  enableCompileCache()
  const root = await mkdtemp(join(tmpdir(), 'patchbay-host-'))
  const stored = new Map((options.initial ?? []).map((of) => [`${of.plugin}/${of.name}`, of]))
  const events: HostEvent[] = []
  const lines: World['lines'] = []
  const line =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void lines.push({ level, message, fields })
  const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const contributed = new Set<string>()
  const listening = new Set<string>()
  const instances: InstanceStore = {
    list: async () => structuredClone([...stored.values()]),
    get: async (plugin, name) => structuredClone(stored.get(`${plugin}/${name}`)),
    save: async (of) => void stored.set(`${of.plugin}/${of.name}`, structuredClone(of)),
    delete: async (plugin, name) => void stored.delete(`${plugin}/${name}`),
  }
  const stores = new Map<string, KeyValue>()
  const values = (plugin: string, name: string): KeyValue => {
    const kept = new Map<string, unknown>()
    const made = stores.get(`${plugin}/${name}`) ?? {
      get: async (key: string) => kept.get(key),
      set: async (key: string, value: unknown) => void kept.set(key, value),
      delete: async (key: string) => void kept.delete(key),
    }
    stores.set(`${plugin}/${name}`, made)
    return made
  }
  const world: Omit<World, 'host' | 'dispatcher' | 'close'> = {
    root,
    stored,
    events,
    lines,
    logText: () =>
      JSON.stringify(lines, (_key, value: unknown) =>
        value instanceof Error ? { message: value.message, stack: value.stack } : value,
      ),
    contributed,
    listening,
    authorized: true,
  }
  const dispatcher = createHttpDispatcher({
    authorize: async () => (made.authorized === true ? 'admitted' : made.authorized || 'AUTH_REQUIRED'),
    connectionOf: (socket) => ({ socket, address: '127.0.0.1', encrypted: false, listener: 'main' }),
    reserved: [{ prefix: '/api/v1' }, { prefix: '/devices' }],
    log,
    ...(options.clock ? { clock: options.clock } : {}),
  })
  const bundled = await Promise.all(
    (options.packages ?? []).map(([plugin, manifest]) => writePackage(root, plugin, manifest)),
  )
  const host = createPluginHost({
    bundled: [...bundled, ...((await options.write?.(root)) ?? [])],
    instances,
    values,
    secrets: { seal: (text) => `sealed:${reversed(text)}`, open: (text) => reversed(text.slice('sealed:'.length)) },
    dataFolder: (plugin, name) => join(root, 'data', plugin, name),
    log,
    random: () => 0.5,
    services: (owner) => ({
      sessions: options.publishFor ? { ...noSessions, publishFor: options.publishFor } : noSessions,
      messages: { publish: async () => undefined },
      match(name) {
        listening.add(name)
        owner.own(`match ${name}`, () => void listening.delete(name))
      },
      listen({ name, port }) {
        if (port === 1) owner.health('degraded', 'Port 1 is taken.')
        else listening.add(name)
        const forget = owner.own(`listen ${name}`, () => void listening.delete(name))
        return async () => {
          forget()
          listening.delete(name)
        }
      },
      preSharedKeys: async () => [],
      bridgeLink: () => ({ publish: async () => 'taken' }),
      shared: undefined,
      ...ownServices,
      matchUdp: () => undefined,
      listenUdp: () => undefined,
    }),
    contribute(kind, name) {
      contributed.add(`${kind} ${name}`)
      return () => void contributed.delete(`${kind} ${name}`)
    },
    dispatcher,
    hear: (event) => void events.push(event),
    ...options,
  })
  const made: World = {
    ...world,
    host,
    dispatcher,
    async close() {
      await host.stop()
      await rm(root, { recursive: true, force: true })
    },
  }
  return made
}
