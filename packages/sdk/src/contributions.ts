import type { SinkRecord, WriteAnswer } from '@patchbay/contracts/delivery'
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
