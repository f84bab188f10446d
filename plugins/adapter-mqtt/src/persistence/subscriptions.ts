import type { Journal } from './journal.ts'
import { numberOf, qosOf, textOf, type Row } from './row.ts'
import { TopicTrie } from './topic-trie.ts'

type Qos = 0 | 1 | 2

/** A subscription as aedes gives and takes it. `rh`, `rap`, `nl`: retain handling, retain as published, no local. */
export interface StoredSubscription {
  topic: string
  qos: Qos
  rh?: number | undefined
  rap?: boolean | undefined
  nl?: boolean | undefined
  subscriptionIdentifier?: number
}

export interface ClientSubscription extends StoredSubscription {
  clientId: string
}

/** The subscriptions of kept sessions: all in memory, each change on disk. */
export class Subscriptions {
  readonly #journal: Journal
  readonly #byClient = new Map<string, Map<string, StoredSubscription>>()
  /** Only QoS 1 and 2: what is queued for clients that are away. */
  readonly #trie = new TopicTrie<ClientSubscription>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) {
      const details: unknown = JSON.parse(textOf(row, 'details'))
      this.#put(textOf(row, 'client'), toSubscription(textOf(row, 'filter'), qosOf(row, 'qos'), details))
    }
  }

  async add(client: string, subscriptions: readonly StoredSubscription[]): Promise<void> {
    let durable = Promise.resolve()
    for (const given of subscriptions) {
      const stored = toSubscription(given.topic, given.qos, given)
      this.#put(client, stored)
      const { topic, qos, ...details } = stored
      durable = this.#journal.write('subscribe', client, topic, qos, JSON.stringify(details))
    }
    await durable
  }

  async remove(client: string, filters: readonly string[]): Promise<void> {
    const own = this.#byClient.get(client)
    if (own === undefined) return
    let durable = Promise.resolve()
    for (const filter of filters) {
      if (!own.delete(filter)) continue
      this.#trie.delete(filter, client)
      durable = this.#journal.write('unsubscribe', client, filter)
    }
    if (own.size === 0) this.#byClient.delete(client)
    await durable
  }

  async clear(client: string): Promise<void> {
    const own = this.#byClient.get(client)
    if (own === undefined) return
    for (const filter of own.keys()) this.#trie.delete(filter, client)
    this.#byClient.delete(client)
    await this.#journal.write('unsubscribeAll', client)
  }

  of(client: string): StoredSubscription[] {
    return Array.from(this.#byClient.get(client)?.values() ?? [], (subscription) => ({ ...subscription }))
  }

  matching(topic: string): ClientSubscription[] {
    return this.#trie.match(topic)
  }

  count() {
    return { subsCount: this.#trie.size, clientsCount: this.#byClient.size }
  }

  *clientsOf(filter: string): Generator<string> {
    for (const [client, own] of this.#byClient) if (own.has(filter)) yield client
  }

  #put(client: string, subscription: StoredSubscription): void {
    let own = this.#byClient.get(client)
    if (own === undefined) {
      own = new Map()
      this.#byClient.set(client, own)
    }
    own.set(subscription.topic, subscription)
    if (subscription.qos === 0) {
      this.#trie.delete(subscription.topic, client)
      return
    }
    const { topic, qos, rh, rap, nl } = subscription
    this.#trie.set(topic, client, { clientId: client, topic, qos, rh, rap, nl })
  }
}

function toSubscription(topic: string, qos: Qos, details: unknown): StoredSubscription {
  const from: Row = typeof details === 'object' && details !== null ? { ...details } : {}
  return {
    topic,
    qos,
    rh: typeof from['rh'] === 'number' ? from['rh'] : undefined,
    rap: typeof from['rap'] === 'boolean' ? from['rap'] : undefined,
    nl: typeof from['nl'] === 'boolean' ? from['nl'] : undefined,
    ...(typeof from['subscriptionIdentifier'] === 'number'
      ? { subscriptionIdentifier: numberOf(from, 'subscriptionIdentifier') }
      : {}),
  }
}
