import type { RefusedError, Subscription as PlatformSubscription } from '@patchbay/sdk'
import type { Client } from './client.ts'
import type { Dropped } from './dropped.ts'
import type { Message, Qos } from './message.ts'
import { OutboundQueue } from './outbound-queue.ts'
import type { ClientRef } from './persistence/incoming-ids.ts'
import type { OutgoingRows } from './persistence/outgoing-rows.ts'

/** Where copies for a session go. */
export interface Outlet {
  readonly isAttached: boolean
  readonly isReady: boolean
  /** The promise resolves when a copy that must outlive a crash is durable. `direct`: this session was picked for its group. */
  add(
    message: Message,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[] | undefined,
    durable: boolean,
    direct?: string,
  ): Promise<void> | undefined
}

/** A session as the router sees it: of this node, or of another one. */
export interface Receiver {
  readonly name: string
  readonly durable: boolean
  readonly isForeign: boolean
  readonly subscriptions: Map<string, Subscription>
  readonly outbound: Outlet
}

/** One granted filter of a session. */
export interface Subscription {
  readonly session: Receiver
  /** As the client wrote it. */
  readonly name: string
  /** What topics are matched with. */
  readonly filter: string
  readonly group: string | undefined
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number | undefined
  /** Allowed by an access plugin, which cannot be asked again for each message. */
  readonly byProvider: boolean
  /** What the platform itself sends under this filter. */
  platform: PlatformSubscription | undefined
}

/** A QoS 2 message on its way in. */
export interface Arriving {
  /** Those who were sent it again meanwhile, and have its answer then. */
  repeats: ((refused: RefusedError | undefined) => void)[]
}

/** What belongs to (device, client id) and may outlive a connection. [MQTT 5, 4.1] */
export class BrokerSession implements Receiver {
  readonly isForeign = false
  readonly name: string
  readonly subscriptions = new Map<string, Subscription>()
  readonly outbound: OutboundQueue
  /** Something of it is on disk. */
  durable = false
  client: Client | undefined
  /** QoS 2 messages that are neither stored nor refused yet: they are known over a new connection too. */
  readonly arriving = new Map<number, Arriving>()

  constructor(name: string, rows: OutgoingRows, dropped: Dropped) {
    this.name = name
    this.outbound = new OutboundQueue(name, rows, (topic) => dropped.note(topic))
  }

  readonly #passing: ClientRef & { clean: true } = { id: '', clean: true }

  /** Whose packet identifiers are kept, and where. */
  get ref(): ClientRef {
    return this.durable ? { id: this.name } : this.#passing
  }
}
