import type { Accepted, Broker, Delivery, RefusedError, Retained, Settle } from '@patchbay/contracts/session'
import { refuse } from '../errors.ts'
import { isRefused } from '../refused.ts'
import type { AccessCheck } from './access-check.ts'
import { sessionLimits } from './limits.ts'
import { createRetainedReplay } from './retained-replay.ts'
import type { SettleLater } from './settle-later.ts'
import { createSubscriptionTree } from './subscription-tree.ts'
import type { Subscriber } from './subscriber.ts'

export interface RelayStats {
  delivered: number
  /** QoS 0 copies that a slow subscriber did not get. */
  shed: number
  /** Sessions ended because a QoS 1 or 2 copy would have been lost on them. */
  slowEnded: number
}

/** Takes copies of messages to somewhere else, such as the queue of a bridge. */
export interface Forwarder {
  /** Asked for each message, at once. */
  wants(message: Accepted): boolean
  /** Resolves when the copy is durable; rejects with Refused when it cannot be taken, and the message is not acknowledged. Called in order. */
  take(message: Accepted): Promise<void>
}

/** Passes accepted messages on: to the brokers of other protocols, and to the live subscribers of protocols without one. */
export interface Relays {
  readonly subscriptions: number
  add(subscriber: Subscriber): void
  remove(subscriber: Subscriber): void
  /** Somebody may want a message that `relayedBy` brought; asked per message, so it looks at counts only. */
  hasAudience(relayedBy: string | undefined): boolean
  /** Settles when every broker holds its durable copies. */
  pass(message: Accepted, relayedBy: string | undefined, settle: Settle): void
  /** A message of the platform itself, to those of its subscribers that are not `except`. One copy per session. */
  publish(delivery: Delivery, except?: (subscriber: Subscriber) => boolean): void
  deliver(subscriber: Subscriber, message: Delivery): void
  /** A message that another node has accepted, to the subscribers here that no broker serves. */
  arrive(message: Accepted): void
  /** What is retained under the subscriber's filter, as long as it is open. */
  replayRetained(subscriber: Subscriber, isOpen: () => boolean): void
  /** The answer takes it out again. */
  addBroker(name: string, broker: Broker): () => void
  /** The answer takes it out again. */
  addForwarder(forwarder: Forwarder): () => void
  retained(query: { filter: string; after?: string; limit: number }): Promise<readonly Retained[]>
  clearRetained(topic: string): Promise<boolean>
  forget(device: string): Promise<void>
  stats(): RelayStats
}

/** Live subscribers at other nodes; whoever has kept sessions passes messages on by itself. */
export interface OtherSubscribers {
  readonly size: number
  added(filter: string): void
  removed(filter: string): void
  /** Undefined: nobody there wants it. Rejects when a copy at QoS 1 or 2 cannot be handed on. */
  pass(message: Accepted): Promise<void> | undefined
}

export interface RelaysOptions {
  others?: OtherSubscribers | undefined
  access: AccessCheck
  settleLater: SettleLater
  onFault: (error: unknown) => void
}

export function createRelays({ access, settleLater, onFault, others }: RelaysOptions): Relays {
  /** Everybody, for what the platform sends itself. */
  const tree = createSubscriptionTree<Subscriber>()
  /** Those among them that no broker of their own serves with the rest. */
  const listeners = createSubscriptionTree<Subscriber>()
  const brokers = new Map<string, Broker>()
  const forwarders = new Set<Forwarder>()
  const counts: RelayStats = { delivered: 0, shed: 0, slowEnded: 0 }

  /** Resolves when it is taken, dropped or not meant for this subscriber. */
  function deliver(subscriber: Subscriber, message: Delivery): Promise<void> | undefined {
    // Each copy is checked again: a filter that was granted may hold topics that a rule denies.
    if (!access.decide(subscriber.session.subject, 'subscribe', message.topic).allowed) return undefined
    const qos = message.qos < subscriber.qos ? message.qos : subscriber.qos
    if (subscriber.waiting >= sessionLimits.deliveriesWaiting) {
      if (qos === 0) counts.shed++
      else {
        counts.slowEnded++
        subscriber.session.end('disconnected')
      }
      return undefined
    }
    counts.delivered++
    return hand(subscriber, qos === message.qos ? message : { ...message, qos })
  }

  async function hand(subscriber: Subscriber, message: Delivery): Promise<void> {
    subscriber.waiting++
    try {
      await subscriber.deliver(message)
    } catch (error) {
      onFault(error)
    } finally {
      subscriber.waiting--
    }
  }

  function toListeners(message: Accepted): void {
    if (listeners.size === 0) return
    // [MQTT-3.3.1-9] the mark is for what was kept from before the subscription.
    const live = message.retain ? { ...message, retain: false } : message
    for (const each of listeners.match(message.topic)) {
      if (message.retain) each.newer?.add(message.topic)
      void deliver(each, live)
    }
  }

  async function toBrokers(
    message: Accepted,
    relayedBy: string | undefined,
    takers: readonly Forwarder[],
    elsewhere: Promise<void> | undefined,
  ): Promise<RefusedError | undefined> {
    try {
      await Promise.all([
        elsewhere,
        ...takers.map((forwarder) => forwarder.take(message)),
        ...[...brokers].filter(([name]) => name !== relayedBy).map(([, broker]) => broker.deliver(message)),
      ])
      return undefined
    } catch (cause) {
      if (isRefused(cause)) return cause
      onFault(cause)
      return refuse('STORE_UNAVAILABLE', 'A copy for a kept session could not be stored. Send it again later.', {
        cause,
      })
    }
  }

  const hasBroker = (relayedBy: string | undefined): boolean =>
    brokers.size > (relayedBy !== undefined && brokers.has(relayedBy) ? 1 : 0)

  const noTakers: readonly Forwarder[] = []
  const takersOf = (message: Accepted): readonly Forwarder[] =>
    forwarders.size === 0 ? noTakers : [...forwarders].filter((forwarder) => forwarder.wants(message))

  async function retained(query: Parameters<Relays['retained']>[0]): Promise<readonly Retained[]> {
    const lists = await Promise.all([...brokers.values()].map((broker) => broker.retained(query)))
    if (lists.length === 1) return lists[0] ?? []
    return lists
      .flat()
      .sort((a, b) => (a.topic < b.topic ? -1 : 1))
      .slice(0, query.limit)
  }
  const replay = createRetainedReplay({ retained, deliver: async (to, message) => deliver(to, message), onFault })

  return {
    get subscriptions() {
      return tree.size
    },
    add(subscriber) {
      tree.add(subscriber.filter, subscriber)
      if (subscriber.from !== 'all') return
      listeners.add(subscriber.filter, subscriber)
      others?.added(subscriber.filter)
    },
    remove(subscriber) {
      tree.remove(subscriber.filter, subscriber)
      if (subscriber.from !== 'all') return
      listeners.remove(subscriber.filter, subscriber)
      others?.removed(subscriber.filter)
    },
    deliver: (subscriber, message) => void deliver(subscriber, message),
    replayRetained(subscriber, isOpen) {
      if (subscriber.from === 'all' && brokers.size > 0) replay(subscriber, isOpen)
    },
    hasAudience: (relayedBy) =>
      listeners.size > 0 || forwarders.size > 0 || hasBroker(relayedBy) || (others !== undefined && others.size > 0),
    arrive: toListeners,
    pass(message, relayedBy, settle) {
      toListeners(message)
      const elsewhere = others === undefined || others.size === 0 ? undefined : others.pass(message)
      const takers = takersOf(message)
      if (takers.length === 0 && elsewhere === undefined && !hasBroker(relayedBy)) settleLater(settle, undefined)
      else void toBrokers(message, relayedBy, takers, elsewhere).then((refused) => settleLater(settle, refused))
    },
    publish(delivery, except) {
      const served = new Set<string>()
      for (const each of tree.match(delivery.topic)) {
        if (!each.started || served.has(each.session.id) || except?.(each)) continue
        served.add(each.session.id)
        void deliver(each, delivery)
      }
    },
    addBroker(name, broker) {
      brokers.set(name, broker)
      return () => {
        if (brokers.get(name) === broker) brokers.delete(name)
      }
    },
    addForwarder(forwarder) {
      forwarders.add(forwarder)
      return () => void forwarders.delete(forwarder)
    },
    retained,
    async clearRetained(topic) {
      const cleared = await Promise.all([...brokers.values()].map((broker) => broker.clearRetained(topic)))
      return cleared.includes(true)
    },
    async forget(device) {
      await Promise.all([...brokers.values()].map((broker) => broker.forget(device)))
    },
    stats: () => ({ ...counts }),
  }
}
