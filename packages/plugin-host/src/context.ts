import { mkdir } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import type { HttpMount, PluginManifest } from '@patchbay/contracts/plugin'
import type {
  AccessProvider,
  AlertChannel,
  Bridge,
  Codec,
  Connection,
  Context,
  KeyValue,
  Log,
  OnDatagram,
} from '@patchbay/sdk'
import type { FastifyPluginAsync } from 'fastify'
import { HostError } from './errors.ts'
import { mountOf } from './http/mounts.ts'
import type { UpgradeHandler } from './http/upgrades.ts'
import { ownAccessProvider } from './owned-access-provider.ts'
import { ownAlertChannel } from './owned-alert-channel.ts'
import { ownBridge } from './owned-bridge.ts'
import { openWhenLive } from './owned-port.ts'
import { ownSink } from './owned-sink.ts'
import { ownSource } from './owned-source.ts'
import { ownSessions } from './owned-sessions.ts'
import { type Owner, runOwned } from './owner.ts'
import type { Scope } from './scope.ts'
import type { ServiceName } from './service-names.ts'
import type { Contribute, Contributions, ServiceOwner, Services } from './services.ts'
import { limitValues } from './values.ts'

/** An instance owns this many things at most; more is a leak. */
export const maxOwned = 10_000

export interface ContextParts {
  manifest: PluginManifest
  name: string
  config: unknown
  scope: Scope
  owner: Owner
  log: Log
  values: KeyValue
  dataFolder: string
  services: Services
  serviceOwner: ServiceOwner
  contribute: Contribute
  mounts: readonly HttpMount[]
  privateTargets: readonly string[]
  health(state: 'ok' | 'degraded', why?: string): void
  crashed(error: unknown): void
}

export interface LiveContext {
  context: Context<unknown>
  routes: readonly FastifyPluginAsync[]
  upgrades: ReadonlyMap<string, UpgradeHandler>
  /** Takes a changed configuration while the plugin runs; undefined = it has to be started anew. */
  readonly takeConfig: ((config: unknown) => boolean | Promise<boolean>) | undefined
  /** Puts all contributions to the platform at once. From here on none can be added. */
  goLive(): void
}

/** What a plugin gets, and the list of what it contributed while its setup ran. */
export function createContext(parts: ContextParts): LiveContext {
  const { manifest, scope, owner } = parts
  const contributes = manifest.contributes
  const routes: FastifyPluginAsync[] = []
  const upgrades = new Map<string, UpgradeHandler>()
  const waiting: (() => void)[] = []
  const sockets = new Set<Duplex>()
  let live = false
  const begun = Promise.withResolvers<void>()
  let takeConfig: LiveContext['takeConfig']

  // The oldest item, so released last: whatever connection the plugin forgot ends with it.
  scope.own('connections', () => {
    for (const socket of sockets) socket.destroy()
  })

  const whenLive = (label: string, go: () => void): void => {
    if (scope.closing) throw new HostError('PLUGIN_STOPPED', `${label} was contributed while the instance stops.`)
    if (live) go()
    else waiting.push(go)
  }
  const duringSetup = (what: string): void => {
    if (scope.closing) throw new HostError('PLUGIN_STOPPED', `${what} was contributed while the instance stops.`)
    if (live) throw new HostError('PLUGIN_TOO_LATE', `${what} can only be contributed while setup runs.`)
  }
  const declared = (kind: string, list: readonly { name: string }[] | undefined, name: string): void => {
    duringSetup(`The ${kind} ${name}`)
    if (!list?.some((entry) => entry.name === name))
      throw new HostError('PLUGIN_UNDECLARED', `The ${kind} ${name} is not in plugin.json of ${manifest.id}.`)
  }
  const needed = (service: ServiceName): void => {
    if (!manifest.needs.services?.includes(service))
      throw new HostError('PLUGIN_UNDECLARED', `${service} is not in needs.services of ${manifest.id}.`)
  }
  const track = (connection: Connection): void => {
    const { socket } = connection
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  const owned = (onConnection: (connection: Connection) => void) => (connection: Connection) => {
    track(connection)
    try {
      runOwned(owner, () => onConnection(connection))
    } catch (error) {
      connection.socket.destroy()
      parts.crashed(error)
    }
  }
  const ownedDatagrams =
    (onDatagram: OnDatagram): OnDatagram =>
    (bytes, from, port) => {
      try {
        runOwned(owner, () => onDatagram(bytes, from, port))
      } catch (error) {
        parts.crashed(error)
      }
    }
  const contribute = <K extends keyof Contributions>(
    kind: K,
    name: string,
    implementation: Parameters<typeof parts.contribute<K>>[2],
  ): void =>
    whenLive(`${kind} ${name}`, () => {
      scope.ownFirst(`${kind} ${name}`, parts.contribute(kind, name, implementation, parts.serviceOwner))
    })

  let delivers = false
  /** What an instance selects goes to one place. */
  const onlyOnce = (what: string): void => {
    if (delivers) throw new HostError('PLUGIN_LIMIT', `${what} of ${manifest.id}: an instance is one sink or bridge.`)
    delivers = true
  }
  let folder: Promise<string> | undefined
  const sessions = ownSessions(parts.services.sessions, owner, whenLive)

  const context: Context<unknown> = {
    config: parts.config,
    instance: { plugin: manifest.id, name: parts.name },
    signal: scope.signal,
    log: parts.log,
    store: limitValues(parts.values),
    privateTargets: parts.privateTargets,
    async dataFolder() {
      if (!manifest.needs.files?.includes('data'))
        throw new HostError('PLUGIN_UNDECLARED', `data is not in needs.files of ${manifest.id}.`)
      folder ??= mkdir(parts.dataFolder, { recursive: true, mode: 0o700 }).then(() => parts.dataFolder)
      return folder
    },
    own(label, release) {
      if (scope.size >= maxOwned)
        throw new HostError(
          'PLUGIN_LIMIT',
          `${manifest.id} owns ${maxOwned} things already; something is taken again and again.`,
        )
      scope.own(label, release)
    },
    every(ms, work) {
      if (!(ms > 0)) throw new HostError('PLUGIN_LIMIT', `every(${ms}) would never rest.`)
      scope.every(ms, work, (error) => parts.crashed(error))
    },
    health: (state, why) => parts.health(state, why),
    onConfig(take) {
      duringSetup('onConfig')
      takeConfig = take
    },
    http(add) {
      duringSetup('HTTP')
      routes.push(add)
    },
    upgrade(path, onUpgrade) {
      duringSetup(`The upgrade of ${path}`)
      if (mountOf(parts.mounts, path) === undefined)
        throw new HostError('PLUGIN_UNDECLARED', `${path} is under no HTTP prefix of ${manifest.id}.`)
      upgrades.set(path, (request, connection, head) => {
        track(connection)
        onUpgrade(request, connection, head)
      })
    },
    adapter: (name) => declared('adapter', contributes.adapters, name),
    source(name, source = {}) {
      declared('source', contributes.sources, name)
      const { park, createDevice, report } = parts.services.feed(name, ownSource(owner, source))
      return {
        park,
        createDevice(device) {
          needed('devices')
          return createDevice(device)
        },
        report,
      }
    },
    accessProvider(name, provider: AccessProvider) {
      declared('access provider', contributes.accessProviders, name)
      contribute('accessProvider', name, ownAccessProvider(owner, provider))
    },
    codec(name, codec: Codec) {
      declared('codec', contributes.codecs, name)
      contribute('codec', name, { decode: (bytes, topic) => runOwned(owner, () => codec.decode(bytes, topic)) })
    },
    alertChannel(name, channel: AlertChannel) {
      declared('alert channel', contributes.alertChannels, name)
      contribute('alertChannel', name, ownAlertChannel(owner, channel))
    },
    sink(name, sink) {
      declared('sink', contributes.sinks, name)
      onlyOnce(`The sink ${name}`)
      contribute('sink', name, ownSink(owner, sink))
    },
    bridge(name, bridge: Bridge) {
      declared('bridge', contributes.bridges, name)
      onlyOnce(`The bridge ${name}`)
      contribute('bridge', name, ownBridge(owner, bridge))
      const link = parts.services.bridgeLink(name, bridge)
      return {
        async publish(topic, bytes, how) {
          await begun.promise
          if (scope.closing) throw new HostError('PLUGIN_STOPPED', `${topic} was published while the instance stops.`)
          return link.publish(topic, bytes, how)
        },
      }
    },
    get sessions() {
      needed('sessions')
      return sessions
    },
    get messages() {
      needed('messages')
      return parts.services.messages
    },
    get door() {
      needed('door')
      return parts.services.door
    },
    get secrets() {
      needed('secrets')
      return parts.services.secrets
    },
    get callers() {
      needed('callers')
      return parts.services.callers
    },
    get audit() {
      needed('audit')
      return parts.services.audit
    },
    get telemetry() {
      needed('telemetry')
      return parts.services.telemetry
    },
    metrics(read) {
      needed('metrics')
      whenLive('metrics', () => parts.services.metrics(() => runOwned(owner, read)))
    },
    get shared() {
      needed('shared')
      return parts.services.shared
    },
    preSharedKeys(device, address) {
      needed('pre-shared-keys')
      return parts.services.preSharedKeys(device, address)
    },
    match: (name, first, onConnection) =>
      whenLive(`match ${name}`, () =>
        parts.services.match(name, (bytes) => runOwned(owner, () => first(bytes)), owned(onConnection)),
      ),
    listen(options, onConnection) {
      return openWhenLive(
        (go) => whenLive(`listen ${options.name}`, go),
        () => parts.services.listen(options, owned(onConnection)),
      )
    },
    matchUdp: (name, first, onDatagram) =>
      whenLive(`match ${name}`, () =>
        parts.services.matchUdp(name, (bytes) => runOwned(owner, () => first(bytes)), ownedDatagrams(onDatagram)),
      ),
    listenUdp: (options, onDatagram) =>
      whenLive(`listen ${options.name}`, () => parts.services.listenUdp(options, ownedDatagrams(onDatagram))),
  }

  return {
    context,
    routes,
    upgrades,
    get takeConfig() {
      return takeConfig
    },
    goLive() {
      live = true
      for (const go of waiting.splice(0)) go()
      begun.resolve()
    },
  }
}
