import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Permission } from '@patchbay/contracts/person'
import type { Listener, Readiness } from '@patchbay/contracts/system'
import type { Clock } from '@patchbay/core/clock'
import type { Caller } from '@patchbay/core/people/caller'
import type { Deliveries } from '@patchbay/core/delivery/deliveries'
import type { Feeds } from '@patchbay/core/delivery/feeds'
import type { LagHistory } from '../parts/lag-history.ts'
import type { People } from '@patchbay/core/people/people'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { Rules } from '@patchbay/core/rules/rules'
import type { RedisState, StoreState } from '@patchbay/contracts/system'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import type { PluginHost } from '@patchbay/plugin-host/host'
import type { DescribedRoute } from '@patchbay/plugin-host/http/described-routes'
import type { Installer } from '@patchbay/plugin-host/packages/installer'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Configuration } from '../configuration/configuration.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Nodes } from '../nodes/nodes.ts'
import type { Backups } from '../parts/backups.ts'
import type { Bridges } from '../parts/bridges.ts'
import type { Channels } from '../parts/channels.ts'
import type { DeviceLog } from '../parts/device-log.ts'
import type { Domain } from '../parts/domain.ts'
import type { PluginLog } from '../parts/plugin-log.ts'
import type { ConsoleSettings } from '../settings/console-settings.ts'
import type { Settings } from '../settings/settings.ts'
import type { Insider } from './inside.ts'
import type { DeviceAuthority } from '../tls/device-authority.ts'
import type { TlsContexts } from '../tls/tls-contexts.ts'

/** The other end of the connection, as the front door knows it. */
export interface ConnectionPeer {
  address: string
  encrypted: boolean
}

/** What the application itself and its general routes stand on. */
export interface GeneralDeps {
  log: FastifyBaseLogger
  clock: Clock
  people: People
  metrics: Metrics
  peerOf(request: IncomingMessage): ConnectionPeer
  /** PATCHBAY_PLAIN: may this address speak without TLS? */
  permitsPlain(address: string): boolean
  /** PATCHBAY_TRUSTED_PROXIES: are this address's X-Forwarded-* headers believed? */
  trustedProxies(address: string): boolean
  /** PATCHBAY_PUBLIC_URL. */
  publicUrl?: string
  ready(): Readiness | Promise<Readiness>
  /** The file of PATCHBAY_CONFIG that owns what a request would change. */
  ownerOf?(method: string, path: string): string | undefined
  /** What plugins say of their routes. */
  pluginRoutes?(): DescribedRoute[]
  /** Compiles every schema at once rather than when it is used first: a test sees so that each one can be. */
  compileAtStart?: boolean
}

/** What the routes of the domain stand on. */
export interface RestDeps
  extends
    GeneralDeps,
    Pick<
      Domain,
      | 'authenticator'
      | 'devices'
      | 'provisioningKeys'
      | 'types'
      | 'accessRules'
      | 'authoriser'
      | 'refusals'
      | 'hub'
      | 'alerting'
    > {
  registry: RegistryStore
  authority: Pick<DeviceAuthority, 'read'>
  telemetry: TelemetryStore
  nodes: Pick<Nodes, 'list'>
  storeState: () => StoreState
  redisState: () => RedisState | undefined
  commands: Domain['hub']['commands']
  shadows: Domain['hub']['shadows']
  rules: Rules
  deliveries: Deliveries
  bridges: Pick<Bridges, 'status'>
  feeds: Feeds
  lagHistory: Pick<LagHistory, 'of'>
  settings: Settings
  consoleSettings: ConsoleSettings
  tls: Pick<TlsContexts, 'options' | 'source' | 'upload' | 'dropUploaded' | 'makeAnew'>
  listeners(): Listener[]
  /** The plugin host, which is made after the routes. */
  plugins(): PluginHost
  /** What installs, swaps and removes packages. */
  packages(): Installer
  pluginLog: Pick<PluginLog, 'list'>
  deviceLog: Pick<DeviceLog, 'list'>
  channels(): Channels
  configuration(): Promise<Configuration>
  backups: Backups
  /** The archive, as a .tar.gz. */
  diagnostics(insider: Insider): Promise<Buffer>
}

export type RestApp = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** A file of `routes/` exports one of these; paths are written whole (`/api/v1/devices`). */
export type Routes<Deps = RestDeps> = (app: RestApp, deps: Deps) => void

/**
 * Who may call a route. `open`: everybody; `self`: everybody who is logged in or has a key; else the permission that is needed.
 * A route without it is refused while the application is built.
 */
export type RoutePermission = Permission | 'open' | 'self'

declare module 'fastify' {
  interface FastifyContextConfig {
    permission?: RoutePermission
    /** Callers on this machine need no key. */
    openOnLoopback?: boolean
    /** The API key may also be the password of Basic, for callers that cannot set a header. */
    keyByBasic?: boolean
    /** The audit trail leaves this write out (it is told otherwise). */
    unaudited?: boolean
  }
  interface FastifyRequest {
    /** Who calls; undefined on open routes without credentials. `callerOf(request)` where there must be one. */
    caller: Caller | undefined
    /** Where it really comes from, proxies seen through. */
    peer: ConnectionPeer
  }
}
