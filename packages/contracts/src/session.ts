import type { Decision } from './access.ts'
import type { Qos } from './message.ts'

/**
 * Why the platform refuses a connect, publish or subscribe. Each adapter has one table from these to its protocol's words:
 * `credentials` wrong or missing secret; `banned` revoked, expired, or plain text not permitted here; `forbidden` a foreign topic;
 * `malformed` cannot be parsed; `invalid` parsed but outside the limits or the type; `too-large`; `quota` over a limit of count or
 * rate; `unavailable` the store cannot take it now.
 */
export type RefusalReason =
  | 'credentials'
  | 'banned'
  | 'forbidden'
  | 'malformed'
  | 'invalid'
  | 'too-large'
  | 'quota'
  | 'unavailable'

/** A refusal as it travels between core, host and plugins; the SDK's `Refused` is one, and so is core's. */
export interface RefusedError extends Error {
  readonly name: 'Refused'
  readonly reason: RefusalReason
  /** A code of docs/reference/errors.md, such as `TOPIC_FORBIDDEN`. */
  readonly code: string
  /** Which check refused, as `/api/v1/refusals` shows it. */
  readonly step: string
}

/** Why a client certificate proves nobody: another authority issued it, its time is over or not come yet, or it names no device. */
export type CertificateProblem = 'foreign' | 'expired' | 'early' | 'nameless'

/**
 * What a TLS layer found of a client's certificate: the device that it proves, or the problem with it. With a problem nothing is proved: the
 * login is refused with its words, and `claimedId` is only what the certificate says of itself.
 */
export type ClientCertificate =
  | { deviceId: string; fingerprint: string; problem?: never }
  | { problem: CertificateProblem; fingerprint: string; claimedId?: string; deviceId?: never }

/**
 * How a client says who it is. `certificate` is what a TLS layer has found; `psk` is the device whose pre-shared key a DTLS layer
 * has seen proved: `digest` is that key's SHA-256 in hex.
 */
export type Credentials =
  | { kind: 'password'; username: string; password: string }
  | { kind: 'bearer'; secret: string; username?: string }
  | ({ kind: 'certificate' } & ClientCertificate)
  | { kind: 'psk'; deviceId: string; digest: string }
  | { kind: 'none' }

/** Who knocks. */
export interface Peer {
  /** `mqtt`, `http` ... as refusals and the console show it. */
  protocol: string
  /** The remote IP address, without port. */
  address: string
  /** The bytes came through TLS. Plain text is refused from peers that PATCHBAY_PLAIN does not permit. */
  encrypted: boolean
  /** What the client calls itself; a later session of the same device and client id takes over. */
  clientId?: string
  credentials: Credentials
  /** One request, not a connection: it is a sign of life, but no live session. */
  request?: boolean
}

/** How a message is to be published; all of it may be left out. */
export interface PublishOptions {
  /** 0 unless said. */
  qos?: Qos
  /** The last message of a topic that is kept for those who subscribe later. */
  retain?: boolean
  /** `application/cbor`, or anything else for what the topic and the device's type say. */
  contentType?: string
  /** Protocol properties that subscribers on the same protocol may want to see; opaque to the platform. */
  properties?: unknown
  /** The same key from the same client within 24 h is answered as before and stores nothing again. At most 255 characters. */
  idempotencyKey?: string
  /** Adapters that pass the message to subscribers of their own protocol themselves give the name they `relay` under. */
  relayedBy?: string
}

/** Settles one message: undefined = durable, else why it was refused. Called exactly once, never synchronously inside `push`. */
export type Settle = (refused: RefusedError | undefined) => void

/** A topic resolved once per connection: rights, device, codec and series are known, so that a push looks nothing up. */
export interface Topic {
  readonly name: string
  /** Publishes; `settle` is told what came of it. */
  push(bytes: Uint8Array, how: PublishOptions, settle: Settle): void
}

/** A message on its way to a subscriber. */
export interface Delivery {
  topic: string
  bytes: Uint8Array
  qos: Qos
  retain: boolean
  properties?: unknown
}

/** What `session.subscribe` gives: nothing is delivered any more once it is closed. */
export interface Subscription {
  readonly filter: string
  close(): void
}

/** Why a session ended, as the adapter should tell its client: `taken-over` by the same client id, `revoked` credentials or device,
 * `disconnected` by an admin, `shutdown` of the platform, `closed` by the client or adapter. */
export type EndReason = 'taken-over' | 'revoked' | 'disconnected' | 'shutdown' | 'closed'

/** A device (or an application with an API key) that has proved who it is. Every protocol's session obeys the same authoriser. */
export interface Session {
  readonly id: string
  /**
   * `device`: id is the device id. `application`: id is the API key's id. `provisioning`: somebody who has nothing but a provisioning
   * key; many devices may come with one key, so the id is the session's own.
   */
  readonly principal: { kind: 'device' | 'application' | 'provisioning'; id: string }
  /** Publishes; resolves when the message is durable, rejects with `Refused`. */
  publish(topic: string, bytes: Uint8Array, how?: PublishOptions): Promise<void>
  /** Resolves a topic once; a refusal comes out of each `push` then. */
  topic(name: string): Topic
  /** The authoriser's answer, recorded nowhere. */
  may(action: 'publish' | 'subscribe', topicOrFilter: string): Decision
  /** As `may`, and a refusal is recorded in `/api/v1/refusals`. Access plugins are asked here. */
  authorize(action: 'publish' | 'subscribe', topicOrFilter: string): Promise<Decision>
  /**
   * Delivers what matches. The returned promise of `deliver` settles when the client has acknowledged (QoS 1 and 2) or the bytes
   * are written (QoS 0): commands move to `sent` when deliver is called and to `delivered` when it resolves.
   * `from: 'platform'` limits to what the platform itself sends (commands, desired shadow): for adapters whose broker routes the rest.
   * Rejects with Refused when the filter is not allowed.
   */
  subscribe(
    filter: string,
    deliver: (message: Delivery) => void | Promise<void>,
    how?: { from?: 'platform' | 'all'; qos?: Qos },
  ): Promise<Subscription>
  /**
   * For protocols that poll: waits up to `waitMs` for commands and takes them. The commands taken by the poll before this one
   * are then `delivered`.
   */
  takeCommands(how: { waitMs: number; signal: AbortSignal }): Promise<readonly TakenCommand[]>
  /** The desired shadow that the device has not reported yet, and its version. */
  desiredShadow(): Promise<{ delta: Record<string, unknown>; version: number }>
  /**
   * For protocols that answer a request: what is published to `provision/request`, answered with what goes to `provision/response`.
   * Rejects with Refused (recorded).
   */
  provision(bytes: Uint8Array, how?: Pick<PublishOptions, 'contentType'>): Promise<Uint8Array>
  /** A sign of life that is no message (a ping, an empty poll). */
  alive(): void
  /** Told once when the platform ends the session; the adapter then closes the connection. */
  onEnd(hear: (why: EndReason) => void): void
  /** The connection is gone. */
  close(): void
}

/** A command for a device that polls. */
export interface TakenCommand {
  /** What the device names when it answers the command. */
  id: string
  name: string
  /** JSON as whoever sent the command gave it. */
  params?: unknown
}

/** A message that some adapter (or REST) published and that was accepted: what a broker passes to its own subscribers. */
export interface Accepted extends Delivery {
  /** Device id or API key id of the publisher. */
  from: string
  /** The protocol it came by, as in `Peer`. */
  protocol: string
}

/** A retained value as a broker keeps it. */
export interface Retained {
  topic: string
  bytes: Uint8Array
  qos: Qos
}

/** What an adapter with a broker of its own (kept sessions, retained values) gives the platform. */
export interface Broker {
  /** Takes a message that came by another protocol. Resolves when every copy that must outlive a crash is durable. */
  deliver(message: Accepted): Promise<void>
  /** Retained values in order of topic, after `after`. */
  retained(query: { filter: string; after?: string; limit: number }): Promise<readonly Retained[]>
  /** Answers whether there was one. */
  clearRetained(topic: string): Promise<boolean>
  /** Ends kept sessions, queues and retained values of a device that was deleted or revoked. */
  forget(device: string): Promise<void>
}

/** The platform’s side of every protocol: who may come in, and what becomes of what is published. */
export interface Sessions {
  /** Rejects with `Refused` (recorded) when the credentials or the peer are not good. */
  open(peer: Peer): Promise<Session>
  /** Records a refusal that the adapter itself had to make (a malformed packet, a limit of its own). */
  refuse(peer: Pick<Peer, 'protocol' | 'address' | 'clientId'>, refusal: AdapterRefusal): void
  /**
   * Publishes for a device that is not connected any more (its will): authorised now, as the device. Rejects with Refused
   * (recorded), also when the device is gone.
   */
  publishFor(
    principal: Session['principal'],
    protocol: string,
    topic: string,
    bytes: Uint8Array,
    how?: PublishOptions,
  ): Promise<void>
  /** Registers the adapter's broker; messages published with `relayedBy: name` are not handed to it again. */
  relay(name: string, broker: Broker): void
}

/** What an adapter refused by itself, to be recorded with the refusals of the platform. */
export interface AdapterRefusal {
  /** As the client claims; it may not exist. */
  device?: string
  action: 'connect' | 'publish' | 'subscribe' | 'receive'
  topic?: string
  /** A `Refused` of the SDK, with a code of the adapter’s own. */
  refused: RefusedError
}
