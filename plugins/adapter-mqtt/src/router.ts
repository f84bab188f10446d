import type { BrokerSession, Receiver, Subscription } from './broker-session.ts'
import type { Message, Qos } from './message.ts'
import type { BrokerStore } from './persistence/broker-store.ts'
import { TopicTrie } from './persistence/topic-trie.ts'
import { splitFilter } from './wire/subscription.ts'

/** Routes that are remembered; devices use few topics, and a scan of many must not fill the memory. */
const maxRoutes = 10_000

interface Target {
  readonly session: Receiver
  readonly subscriptions: Subscription[]
}

/** [MQTT 5, 4.8.2] one message goes to one member. */
interface Group {
  readonly key: string
  readonly members: Subscription[]
  readonly turn: { next: number }
}

/** Who gets the messages of one topic, as long as nobody subscribes or leaves. */
export interface Route {
  readonly targets: readonly Target[]
  readonly groups: readonly Group[]
}

export const silent: Route = { targets: [], groups: [] }

/** Sessions, their subscriptions, and the way from a message to all who want it. */
export class Router {
  readonly sessions = new Map<string, BrokerSession>()
  /** Sessions that another node holds, or nobody. */
  readonly foreign = new Map<string, Receiver>()
  readonly #store: BrokerStore
  readonly #trie = new TopicTrie<Subscription>()
  readonly #routes = new Map<string, Route>()
  readonly #turns = new Map<string, { next: number }>()
  /** Counts changes: a route of an earlier version is not good any more. */
  version = 0

  constructor(store: BrokerStore) {
    this.#store = store
  }

  subscribe(subscription: Subscription): void {
    const { session, name, filter } = subscription
    session.subscriptions.set(name, subscription)
    this.#trie.set(filter, keyOf(session, name), subscription)
    this.#changed()
  }

  unsubscribe(subscription: Subscription): void {
    const { session, name, filter } = subscription
    subscription.platform?.close()
    session.subscriptions.delete(name)
    this.#trie.delete(filter, keyOf(session, name))
    this.#changed()
  }

  /** Ends a session: what it has left on disk goes too. */
  async end(session: BrokerSession): Promise<void> {
    for (const subscription of session.subscriptions.values()) this.unsubscribe(subscription)
    session.outbound.detach()
    if (this.sessions.get(session.name) === session) this.sessions.delete(session.name)
    if (session.durable) await this.#store.endSession(session.name)
    else await this.#store.writer.shared?.endPassing(session.name)
  }

  route(topic: string): Route {
    // What devices ask with a provisioning key is between them and the platform.
    if (topic.startsWith('provision/')) return silent
    const known = this.#routes.get(topic)
    if (known !== undefined) return known
    const found = this.#trie.match(topic)
    const route = found.length === 0 ? silent : this.#toRoute(found)
    if (this.#routes.size >= maxRoutes) this.#routes.clear()
    this.#routes.set(topic, route)
    return route
  }

  /** Gives every copy to its session. The promise resolves when copies that must outlive a crash are durable. */
  publish(message: Message, route: Route = this.route(message.topic)): Promise<unknown> | undefined {
    const durable: Promise<unknown>[] = []
    for (const { session, subscriptions } of route.targets) {
      const stored = deliver(session, subscriptions, message)
      if (stored !== undefined) durable.push(stored)
    }
    for (const group of route.groups) {
      const member = pick(group, message.qos)
      const stored = member === undefined ? undefined : deliver(member.session, [member], message, member.name)
      if (stored !== undefined) durable.push(stored)
    }
    return durable.length === 0 ? undefined : durable.length === 1 ? durable[0] : Promise.all(durable)
  }

  /** A message that another node has put into the queues of kept sessions: the rest is for the sessions here. */
  arrive(message: Message): void {
    for (const { session, subscriptions } of this.route(message.topic).targets) {
      if (!session.isForeign) void deliver(session, subscriptions, message, 'arrived') // in memory
    }
  }

  /** A message that another node has picked a member of a group here for. False: nobody of the group is left. */
  arriveFor(client: string, name: string, message: Message): boolean {
    const member = this.sessions.get(client)?.subscriptions.get(name)
    if (member !== undefined && this.sessions.get(client)?.outbound.isAttached === true) {
      void deliver(member.session, [member], message) // no kept session, or at QoS 0: in memory
      return true
    }
    const { filter, group } = splitFilter(name)
    const again = this.route(message.topic).groups.find(({ key }) => key === `${group}/${filter}`)
    const next = again === undefined ? undefined : pick(again, message.qos)
    if (next === undefined || next.session.name === client) return false
    deliver(next.session, [next], message, next.name)?.catch(nobodyWaits)
    return true
  }

  /** Forgets a session without ending it: another node has it now. */
  letGo(session: Receiver): void {
    for (const subscription of session.subscriptions.values()) {
      subscription.platform?.close()
      this.#trie.delete(subscription.filter, keyOf(session, subscription.name))
    }
    if (this.sessions.get(session.name) === session) this.sessions.delete(session.name)
    if (this.foreign.get(session.name) === session) this.foreign.delete(session.name)
    this.#changed()
  }

  #toRoute(found: readonly Subscription[]): Route {
    const targets = new Map<Receiver, Target>()
    const groups = new Map<string, Group>()
    for (const subscription of found) {
      const { session, group, filter } = subscription
      if (group === undefined) {
        const target = targets.get(session)
        if (target === undefined) targets.set(session, { session, subscriptions: [subscription] })
        else target.subscriptions.push(subscription)
        continue
      }
      const key = `${group}/${filter}`
      const there = groups.get(key)
      if (there === undefined) groups.set(key, { key, members: [subscription], turn: this.#turnOf(key) })
      else there.members.push(subscription)
    }
    return { targets: Array.from(targets.values()), groups: Array.from(groups.values()) }
  }

  #turnOf(key: string): { next: number } {
    let turn = this.#turns.get(key)
    if (turn === undefined) {
      if (this.#turns.size >= maxRoutes) this.#turns.clear()
      turn = { next: 0 }
      this.#turns.set(key, turn)
    }
    return turn
  }

  #changed(): void {
    this.version++
    this.#routes.clear()
  }
}

const keyOf = (session: Receiver, name: string) => `${session.name}\n${name}`

/** Its publisher has its acknowledgement already; the store tells of its failure. */
const nobodyWaits = () => undefined

/** One copy, whatever number of its filters match [MQTT-3.3.5-1], with all their identifiers [MQTT-3.3.4-4]. */
function deliver(
  session: Receiver,
  subscriptions: readonly Subscription[],
  message: Message,
  how?: string,
): Promise<void> | undefined {
  let granted: Qos | undefined
  let retain = false
  let identifiers: number[] | undefined
  for (const { qos, noLocal, retainAsPublished, identifier } of subscriptions) {
    if (noLocal && message.from === session.name) continue // [MQTT-3.8.3-3]
    if (granted === undefined || qos > granted) granted = qos
    if (retainAsPublished) retain = message.retain // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    if (identifier !== undefined) (identifiers ??= []).push(identifier)
  }
  if (granted === undefined) return undefined
  const qos = granted < message.qos ? granted : message.qos
  if (how === 'arrived') {
    // its node has put this copy into the queue already
    return session.durable && qos > 0 ? undefined : session.outbound.add(message, qos, retain, identifiers, false)
  }
  return session.outbound.add(message, qos, retain, identifiers, session.durable, how)
}

/** In turn among those who read; a kept session that is away is asked only when nobody is here. */
function pick({ members, turn }: Group, qos: Qos): Subscription | undefined {
  let away: Subscription | undefined
  let slow: Subscription | undefined
  for (let tries = 0; tries < members.length; tries++) {
    const at = (turn.next + tries) % members.length
    const member = members[at]
    if (member === undefined) continue
    const { outbound } = member.session
    if (outbound.isReady) {
      turn.next = at + 1
      return member
    }
    if (outbound.isAttached) slow ??= member
    else if (qos > 0 && member.qos > 0) away ??= member
  }
  turn.next++
  return slow ?? away
}
