import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyPluginAsync } from 'fastify'
import type { ClientCertificate, PublishOptions, Sessions } from '@patchbay/contracts/session'
import type { AuditTrail } from './audit-trail.ts'
import type { AccessProvider, AlertChannel, Bridge, BridgeLink, Codec, Feed, Sink, Source } from './contributions.ts'
import type { MetricFamily } from './metric-text.ts'
import type { Telemetry } from './telemetry.ts'
import type { SharedRedis } from './shared-redis.ts'

/** Lines in the log of the platform and on the plugin’s page; secrets of the configuration are masked. Beyond 100 lines a second they are left out. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

/** What a matcher says of the first bytes of a connection: take it, need more, or not mine. */
export type MatchAnswer = 'mine' | 'more' | 'no'

/** A connection handed over by the front door or by a port of the plugin's own: nothing of it has been consumed. */
export interface Connection {
  /** The bytes, after TLS. Destroying it ends the connection. */
  socket: Duplex
  /** Remote address without port. */
  address: string
  /** It came through TLS. */
  encrypted: boolean
  /** The client certificate, where one was given: for `sessions.open`, which refuses one with a `problem` in the right words. */
  certificate?: ClientCertificate
  /** The name of the listener it came in by, such as `main` or `mqtts`. */
  listener: string
}

/** A port of the plugin’s own. */
export interface ListenOptions {
  /** As the console shows it, such as `mqtt`. */
  name: string
  /** The port; 0 turns the listener off. */
  port: number
  /** `detected` takes both and tells by the first bytes; left out = `detected`, and `never` for UDP. */
  tls?: 'never' | 'always' | 'detected'
  /** The address to bind; left out = PATCHBAY_HOST. */
  address?: string
  /** The plugin takes sockets as they are accepted: nothing is peeked at, TLS and PATCHBAY_PLAIN are its own affair. */
  raw?: true
}

/** The platform's own door, for plugins that stand before it. */
export interface Door {
  /** PATCHBAY_PLAIN permits plain text from this address. */
  permitsPlain(address: string): boolean
  /** PATCHBAY_TRUSTED_PROXIES names this address: what it says of its clients, in a PROXY header say, may be believed. */
  trustsProxy(address: string): boolean
  /**
   * Gives a connection to whoever on the platform speaks what its first bytes say, which have to be there and unread. false = nobody does,
   * and it is still the plugin's.
   */
  handOver(connection: Connection): boolean
}

/** Keeps a plugin's own secrets at rest, under the platform's master key. */
export interface Secrets {
  /** Answers text that may be stored anywhere. */
  seal(text: string): string
  /** Throws for a text that was sealed under another key, cut or changed. */
  open(sealed: string): string
}

/** Who calls a plugin's own HTTP (`auth: own`). */
export interface Callers {
  /** A person's session or an API key (Authorization or X-API-KEY) comes with the request and has this right. */
  may(request: IncomingMessage, permission: string): Promise<boolean>
}

/** Where a datagram came from. */
export interface DatagramPeer {
  address: string
  port: number
}

/** A UDP socket of the platform, as far as a plugin may use it. */
export interface DatagramPort {
  /** The name of the listener, such as `main` or `coap`. */
  readonly listener: string
  /** Sends, or loses it as a network does; the plugin's own timers find that out. */
  send(bytes: Uint8Array, to: DatagramPeer): void
}

/** Takes one datagram; `bytes` are the receiver's to keep. */
export type OnDatagram = (bytes: Buffer, from: DatagramPeer, port: DatagramPort) => void

/** A small durable store of the instance's own: keys up to 256 characters, JSON values up to 64 KiB. */
export interface KeyValue {
  /** undefined for a key that was never set, or was deleted. */
  get(key: string): Promise<unknown>
  /** Resolves when it is durable. */
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
}

/** Publishes to subscribers of the platform's topics, of any protocol, in the platform's own name. */
export interface Messages {
  /**
   * Resolves when the copies that must outlive a crash are durable; rejects with `Refused`. Topics that devices report on (`devices/…`,
   * `sensors/…`) and reserved ones (`$…`, `provision/…`) are refused: what a plugin publishes must not be taken for a reading.
   */
  publish(topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>
}

/** Everything a plugin gets. Whatever is taken through it is owned by the instance's scope, which the host releases in reverse order. */
export interface Context<C> {
  /** The configuration, checked, with its defaults filled in and its secrets open. */
  readonly config: C
  /** The plugin’s id and the name that a person gave the instance. */
  readonly instance: { readonly plugin: string; readonly name: string }
  /** Aborted first when the instance stops. */
  readonly signal: AbortSignal
  readonly log: Log
  /** Kept over restarts and upgrades, removed with the instance. */
  readonly store: KeyValue
  /** Of `needs.files`: `data`. A folder of the instance's own inside PATCHBAY_DATA, made on first use. */
  dataFolder(): Promise<string>
  /** Hands a resource to the scope: `release` is called when the instance stops, newest first. */
  own(label: string, release: () => void | Promise<void>): void
  /** Runs `work` every `ms` milliseconds, never twice at once; a throw counts as a crash of the instance. */
  every(ms: number, work: () => void | Promise<void>): void
  /** Says how the instance is while it runs. */
  health(state: 'ok' | 'degraded', why?: string): void
  /**
   * Host level only: takes a changed configuration, which is checked already, while the instance runs. `false`, a throw, or nobody to take it
   * = the instance stops and starts with it, as ever. Secrets that changed are never taken so.
   */
  onConfig(take: (config: C) => boolean | Promise<boolean>): void
  /** Routes under the plugin's prefixes. Route paths are whole paths, such as `/v1/devices`. */
  http(routes: FastifyPluginAsync): void
  /**
   * Takes WebSocket and other HTTP/1.1 upgrades of a whole path, such as `/mqtt`. `head` holds bytes that came with the request;
   * the plugin answers the handshake itself.
   */
  upgrade(path: string, onUpgrade: (request: UpgradeRequest, connection: Connection, head: Uint8Array) => void): void
  /** Declares that an adapter of the manifest is live. Throws for a name that the manifest does not have, as the ones below do. */
  adapter(name: string): void
  /**
   * Declares that a source of the manifest is live: it fetches readings and hands them over by `sessions.publishFor`. The answer keeps what
   * cannot be taken; `source` is asked to take it again.
   */
  source(name: string, source?: Source): Feed
  /** Asked at logins and for topics, as `decides` in the manifest says. */
  accessProvider(name: string, provider: AccessProvider): void
  /** Asked for each message of the device types that name it. */
  codec(name: string, codec: Codec): void
  /** Given the notifications of the rules that name it. */
  alertChannel(name: string, channel: AlertChannel): void
  /** One for each instance: what it gets is what the instance selects. */
  sink(name: string, sink: Sink): void
  /** One for each instance, and then no sink. The answer publishes what came from the other side, from when setup has ended. */
  bridge(name: string, bridge: Bridge): BridgeLink
  /** Of `needs.services`: `sessions`. */
  readonly sessions: Sessions
  /** Of `needs.services`: `messages`. */
  readonly messages: Messages
  /** Of `needs.services`: `door`. */
  readonly door: Door
  /** Of `needs.services`: `secrets`. */
  readonly secrets: Secrets
  /** Of `needs.services`: `callers`. */
  readonly callers: Callers
  /** Of `needs.services`: `audit`. */
  readonly audit: AuditTrail
  /** Of `needs.services`: `telemetry`. */
  readonly telemetry: Telemetry
  /** Of `needs.services`: `metrics`. Figures that are read at each scrape of `/metrics`, at once and without a throw. */
  metrics(read: () => readonly MetricFamily[]): void
  /** Of `needs.services`: `shared`. The Redis that all nodes of the platform share; undefined without REDIS_URL. */
  readonly shared: SharedRedis | undefined
  /** Addresses and CIDRs in private or loopback ranges that webhooks and HTTP channels may call (PATCHBAY_ALLOW_PRIVATE_TARGETS). */
  readonly privateTargets: readonly string[]
  /**
   * Of `needs.services`: `pre-shared-keys`. The keys of a device that are valid now, for a DTLS layer that has to see one of them proved;
   * none for a device that is unknown. Rejects with `Refused` for an address that has guessed too often.
   */
  preSharedKeys(device: string, address: string): Promise<readonly Uint8Array[]>
  /** Front door, host level only. `first` is called with what has arrived so far, at least one byte. */
  match(name: string, first: (bytes: Uint8Array) => MatchAnswer, onConnection: (connection: Connection) => void): void
  /**
   * A port of its own. A taken port makes the instance degraded and says so; it does not throw. The answer frees the port before the instance
   * stops; connections that came by it stay.
   */
  listen(options: ListenOptions, onConnection: (connection: Connection) => void): () => Promise<void>
  /** The number of the one port over UDP, host level only: each datagram that `first` says is the plugin's own. */
  matchUdp(name: string, first: (bytes: Uint8Array) => boolean, onDatagram: OnDatagram): void
  /** A UDP port of its own. A taken port makes the instance degraded and says so; it does not throw. */
  listenUdp(options: Pick<ListenOptions, 'name' | 'port' | 'tls'>, onDatagram: OnDatagram): void
}

/** The request that asks for an upgrade, before it is answered. */
export interface UpgradeRequest {
  /** Path and query. */
  url: string
  method: string
  headers: Record<string, string | string[] | undefined>
}
