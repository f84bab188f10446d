import type { BridgeMessage, MessageProperties } from '@patchbay/contracts/bridge'
import type { SinkRecord, WriteAnswer } from '@patchbay/contracts/delivery'
import type { Qos } from '@patchbay/contracts/message'
import type { DeliveryAnswer, Notification } from '@patchbay/contracts/notification'

/** A login that is allowed, and what belongs to it. */
export interface AllowedLogin {
  answer: 'allow'
  /** The session ends then at the latest, in integer microseconds since 1970: the end of a token. */
  endsAtMicros?: number
  /** Topic filters that this login may publish and subscribe to besides what everything else allows; 100 of each at most. */
  publish?: readonly string[]
  /** As `publish`. */
  subscribe?: readonly string[]
}

/**
 * Answers an access question: undefined = abstain. A throw or an answer later than 1 s counts as deny.
 */
export interface AccessProvider {
  /** A login by a password or a bearer secret. */
  connect?(who: {
    username: string
    password: string
    protocol: string
    address: string
  }): Promise<'allow' | 'deny' | AllowedLogin | undefined>
  /**
   * The device that a bearer secret without a user name is of, read from the secret itself; `connect` is asked to prove it. At once, and
   * without a throw.
   */
  deviceOf?(secret: string): string | undefined
  /** A publish to a topic, or a subscription to a filter, of a device that has logged in. */
  decide?(question: {
    device: string
    action: 'publish' | 'subscribe'
    topic: string
  }): Promise<'allow' | 'deny' | undefined>
}

/** What a payload says of one moment. */
export interface CodecReading {
  /** Integer microseconds since 1970; left out = arrival time. */
  at?: number
  /** Values by key, as the telemetry of a device holds them. */
  values: Record<string, unknown>
}

/** Turns a payload of a device into readings. `at` is in integer microseconds since 1970; left out = arrival time. */
export interface Codec {
  /** Throws for bytes that it does not understand: the message is refused as `malformed`. */
  decode(bytes: Uint8Array, topic: string): readonly CodecReading[] | Promise<readonly CodecReading[]>
}

/** Carries notifications of alerts to people: by mail, webhook, chat. */
export interface AlertChannel {
  /**
   * One try. Answers what the remote said; a throw counts as `retry`. The platform tries again by its own back-off, for up to 24 h, each time
   * with the same `notification.id`, which a remote can use to leave out what it has already.
   */
  deliver(
    notification: Notification,
    options: { readonly attempt: number; readonly signal: AbortSignal },
  ): Promise<DeliveryAnswer>
}

/** What a try of a batch may know besides the batch. */
export interface WriteOptions {
  /** 1 at first. */
  readonly attempt: number
  /** Aborts when the try has taken too long or the instance stops. A try that goes on all the same is not waited for. */
  readonly signal: AbortSignal
}

/**
 * Takes records to a store, stream or file. The platform reads what was committed, selects, makes batches, tries again and parks what is
 * refused; the sink does one thing: one try of one batch. Batches come one at a time, in the order in which they were committed.
 */
export interface Sink {
  /** One try. A throw counts as `retry` with the error's text, so say `refused` for what can never work. At least one record. */
  write(records: readonly SinkRecord[], options: WriteOptions): Promise<WriteAnswer>
}

/** Whose rights a bridge has here. */
export interface BridgeIdentity {
  readonly kind: 'device' | 'application'
  /** Of the device, or of the API key. */
  readonly id: string
}

/**
 * Joins this platform to another system, in both directions. Outwards it is given messages, or committed readings: by `send` what is published
 * on the topics of `out`, by `write` what the instance selects; one of them, or neither. The platform keeps what waits on its disk, tries again
 * and parks what is refused; the bridge does one try of one batch. Inwards it publishes by the link that `ctx.bridge` answers.
 */
export interface Bridge {
  /** Topic filters: messages on them, whoever published them, wait for the bridge on the disk from when it is enabled until it is disabled. */
  readonly out: readonly string[]
  /** Topic filters that it may publish on here, which is all it may, unless `as` says whose rights it has. */
  readonly in: readonly string[]
  /** A device or an API key whose rights it has instead. */
  readonly as?: BridgeIdentity
  /** Devices that messages are of and that are not there are made, of this type; left out, such messages are refused. */
  readonly createDevices?: { readonly type?: string }
  /** How much waits on the disk, 1,024 when left out. A message that does not fit is not acknowledged to its publisher. */
  readonly queueMb?: number
  /** One try of messages in the order in which they were accepted. At least one. Answers as a sink does. */
  send?(messages: readonly BridgeMessage[], options: WriteOptions): Promise<WriteAnswer>
  /** The same for readings, as a sink gets them. */
  write?(records: readonly SinkRecord[], options: WriteOptions): Promise<WriteAnswer>
}

/** How a message of the other side is published here. */
export interface BridgePublishOptions {
  /** 1 unless said. */
  readonly qos?: Qos
  readonly retain?: boolean
  readonly properties?: MessageProperties
  /** The marks that came with it: it is dropped when it has been on this topic before, or on too many. */
  readonly passed?: readonly string[]
}

/** Publishes here what came from the other side. */
export interface BridgeLink {
  /**
   * Resolves when the message is durable, so that it may be acknowledged to the other side; `looped` = it had been here before, and was dropped.
   * Rejects with `Refused`: `unavailable` and `quota` pass, everything else will be the same again. Messages of one topic keep the order of
   * the calls.
   */
  publish(topic: string, bytes: Uint8Array, how?: BridgePublishOptions): Promise<'taken' | 'looped'>
}

/** A message that a source could not take: kept with the reason until a person has looked at it. */
export interface RefusedMessage {
  /** The same message has the same id, however often it comes; at most 180 characters, no `/`. */
  readonly id: string
  /** Why, for a person. */
  readonly reply: string
  /** The message, for a person and for `retake`: at most 64 KiB as JSON. */
  readonly item: Readonly<Record<string, unknown>>
}

/** What the platform asks of a source. All of it may be left out. */
export interface Source {
  /**
   * Takes a refused message again, as a person has changed it or mended what was wrong. Resolves when it is durable, rejects with `Refused` when
   * it still cannot be taken.
   */
  retake?(item: Readonly<Record<string, unknown>>, options: { readonly signal: AbortSignal }): Promise<void>
}

/** What the platform does for a source, besides `sessions.publishFor`. */
export interface Feed {
  /**
   * Keeps messages that can never be taken as dead letters: durable when it resolves. Answers how many of the first are kept; there is room for
   * 10,000, so that fewer than all may be.
   */
  park(messages: readonly RefusedMessage[]): Promise<number>
  /** Of `needs.services`: `devices`. Makes a device that is not there yet; one that is stays as it is. */
  createDevice(device: { readonly id: string; readonly type: string; readonly tags?: readonly string[] }): Promise<void>
  /** Counts messages whose readings are durable, and those that were refused and not parked; says how far the other side is ahead. */
  report(what: {
    readonly taken?: number
    readonly refused?: number
    readonly lag?: { readonly records: number; readonly seconds: number }
  }): void
}
