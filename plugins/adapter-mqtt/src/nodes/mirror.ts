import type { Adapter } from '../adapter.ts'
import type { Receiver, Subscription } from '../broker-session.ts'
import { splitFilter } from '../wire/subscription.ts'
import { isAtOrAfter, toList, toPairs, toText, type StreamEntry } from './answers.ts'
import { ForeignSession, type ForeignWays } from './foreign-session.ts'
import { unpackMessage } from './message-bytes.ts'
import type { NodeConnections } from './node-connections.ts'

/** Keys that are asked for at once while a node starts. */
const loadedTogether = 500

type Details = Pick<Subscription, 'qos' | 'noLocal' | 'retainAsPublished' | 'identifier' | 'byProvider'>

/** What this node knows of all sessions and retained values: loaded once, and kept up by the changes that all nodes apply. */
export class Mirror {
  readonly #adapter: Pick<Adapter, 'router' | 'store' | 'log'>
  readonly #connections: NodeConnections
  readonly #ways: ForeignWays
  /** Sessions that came here, by the place in the changes at that moment, until it is applied. */
  readonly #since = new Map<string, string>()

  constructor(adapter: Pick<Adapter, 'router' | 'store' | 'log'>, connections: NodeConnections, ways: ForeignWays) {
    this.#adapter = adapter
    this.#connections = connections
    this.#ways = ways
  }

  async load(): Promise<void> {
    const { call, key } = this.#bound()
    const names = toList(await call('SMEMBERS', key('names'))).map(toText)
    for (let at = 0; at < names.length; at += loadedTogether) {
      await Promise.all(names.slice(at, at + loadedTogether).map((name) => this.#loadKept(name)))
    }
    for (const life of toList(await call('HKEYS', key('beats'))).map(toText)) {
      const clients = toList(await call('SMEMBERS', key(`clean:${life}`))).map(toText)
      for (const client of clients) await this.#loadFilters(this.#foreign(client, life))
    }
    for (const [topic, bytes] of toPairs(await call('HGETALL', key('ret')))) this.#retain(topic, bytes)
  }

  async #loadKept(name: string): Promise<void> {
    const { call, key } = this.#bound()
    const [keep, expires, life] = toList(await call('HMGET', key(`s:${name}`), 'k', 'e', 'l')).map(toText)
    if (keep === undefined || life === undefined || keep === '') return
    await this.#loadFilters(this.#keep(name, keep, expires ?? '', life))
  }

  async #loadFilters(session: ForeignSession): Promise<void> {
    const { call, key } = this.#bound()
    for (const [filter, details] of toPairs(await call('HGETALL', key(`subs:${session.name}`)))) {
      this.addFilter(session, filter, details.toString())
    }
  }

  /** The session is this node's from here on: what was told of it before is over. */
  own(name: string, place: string): void {
    this.#since.set(name, place)
  }

  /** Retained values are read when all changes of one read are applied: only their newest counts. */
  apply(entries: readonly StreamEntry[], onDead: (life: string) => void): void {
    const topics = new Set<string>()
    for (const { id, fields } of entries) {
      const text = (name: string): string => fields.get(name)?.toString() ?? ''
      const kind = text('k')
      if (kind === 'ret') topics.add(text('c'))
      else if (kind === 'dead') this.#dead(text('c'), onDead)
      else if (kind !== 'join' && !this.#isOver(text('c'), id)) this.#applyTo(kind, text('c'), text)
    }
    const place = entries.at(-1)?.id
    for (const [name, since] of this.#since) {
      if (place !== undefined && isAtOrAfter(place, since)) this.#since.delete(name)
    }
    if (topics.size > 0) this.#readRetained(Array.from(topics))
  }

  /** Resolves when the retained values of the changes so far are here. */
  get retainedRead(): Promise<unknown> {
    return this.#reading
  }
  #reading: Promise<unknown> = Promise.resolve()

  #readRetained(topics: readonly string[]): void {
    const { call, key } = this.#bound()
    const read = async (): Promise<void> => {
      const values = toList(await call('HMGET', key('ret'), ...topics))
      for (const [at, topic] of topics.entries()) {
        const bytes = values[at]
        this.#retain(topic, Buffer.isBuffer(bytes) ? bytes : undefined)
      }
    }
    const again = (): Promise<void> =>
      read().catch(async () => {
        await new Promise((resolve) => setTimeout(resolve, 100).unref())
        return this.#connections.isClosed ? undefined : again()
      })
    this.#reading = this.#reading.then(again)
  }

  #isOver(name: string, id: string): boolean {
    const since = this.#since.get(name)
    return since !== undefined && isAtOrAfter(since, id)
  }

  #applyTo(kind: string, name: string, text: (name: string) => string): void {
    const { router, store } = this.#adapter
    const isOwn = text('l') === this.#connections.life
    const local = router.sessions.get(name)
    if (local !== undefined) {
      // another node ends it for good: its device is no more
      if (kind === 'end' && !isOwn) {
        local.client?.end()
        router.letGo(local)
        store.sessions.forget(name)
      }
      return
    }
    if (kind === 'keep') {
      if (!isOwn) this.#keep(name, text('s'), text('e'), text('l'))
    } else if (kind === 'end') {
      const session = router.foreign.get(name)
      if (session !== undefined) router.letGo(session)
      store.sessions.forget(name)
    } else if (kind === 'sub') {
      if (isOwn && !router.foreign.has(name)) return
      const session = this.#foreign(name, text('l'))
      session.durable = text('kept') === '1'
      this.addFilter(session, text('f'), text('d'))
    } else if (kind === 'unsub') {
      const subscription = router.foreign.get(name)?.subscriptions.get(text('f'))
      if (subscription !== undefined) router.unsubscribe(subscription)
    }
  }

  #dead(life: string, onDead: (life: string) => void): void {
    for (const session of Array.from(this.#adapter.router.foreign.values())) {
      if (!(session instanceof ForeignSession) || session.life !== life) continue
      if (session.durable) session.isConnected = false
      else this.#adapter.router.letGo(session)
    }
    onDead(life)
  }

  #keep(name: string, keepSeconds: string, expires: string, life: string): ForeignSession {
    const session = this.#foreign(name, life)
    session.durable = true
    session.life = life
    session.isConnected = expires === ''
    this.#adapter.store.sessions.follow(name, Number(keepSeconds), expires === '' ? undefined : Number(expires))
    return session
  }

  #foreign(name: string, life: string): ForeignSession {
    const there = this.#adapter.router.foreign.get(name)
    if (there instanceof ForeignSession) {
      there.life = life
      return there
    }
    const session = new ForeignSession(name, life, this.#ways)
    this.#adapter.router.foreign.set(name, session)
    return session
  }

  /** A session of this node becomes another one's. */
  toForeign(session: Receiver, life: string): void {
    const { router } = this.#adapter
    router.letGo(session)
    const foreign = this.#foreign(session.name, life)
    foreign.durable = true
    foreign.isConnected = false
    for (const subscription of session.subscriptions.values()) {
      router.subscribe({ ...subscription, session: foreign, platform: undefined })
    }
  }

  addFilter(session: Receiver, name: string, details: string): void {
    const split = splitFilter(name)
    this.#adapter.router.subscribe({ ...toDetails(details), name, ...split, session, platform: undefined })
  }

  #retain(topic: string, bytes: Buffer | undefined): void {
    this.#adapter.store.retained.follow(topic, bytes === undefined ? undefined : unpackMessage(bytes).message)
  }

  #bound() {
    const { call, key } = this.#connections
    return { call: call.bind(this.#connections), key: key.bind(this.#connections) }
  }
}

/** As `SubscriptionRows` writes it, behind the QoS. */
export function toDetails(text: string): Details {
  const qos = text.startsWith('1') ? 1 : text.startsWith('2') ? 2 : 0
  const read: unknown = JSON.parse(text.slice(1))
  const details: Readonly<Record<string, unknown>> = typeof read === 'object' && read !== null ? { ...read } : {}
  const identifier = details['subscriptionIdentifier']
  return {
    qos,
    noLocal: details['nl'] === true,
    retainAsPublished: details['rap'] === true,
    identifier: typeof identifier === 'number' ? identifier : undefined,
    byProvider: details['byProvider'] === true,
  }
}
