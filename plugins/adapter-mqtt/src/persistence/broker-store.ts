import { Readable } from 'node:stream'
import { IncomingIds, type ClientRef } from './incoming-ids.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { KeptSessions } from './kept-sessions.ts'
import { OutgoingQueues } from './outgoing-queues.ts'
import { RetainedValues } from './retained-values.ts'
import { queries } from './schema.ts'
import type { PacketName, StoredPacket } from './stored-packet.ts'
import { StoredWills, type StoredWill } from './stored-wills.ts'
import { Subscriptions, type ClientSubscription, type StoredSubscription } from './subscriptions.ts'

export interface BrokerStoreOptions extends JournalOptions {
  /** A full queue leaves the message out. */
  onDropped: (client: string, topic: string) => void
}

interface BrokerRef {
  id: string
}

/**
 * The persistence that aedes is given. Everything is in memory to be read and on disk to outlive a crash; each promise resolves when
 * its change is durable.
 */
export class BrokerStore {
  readonly subscriptions: Subscriptions
  readonly outgoing: OutgoingQueues
  readonly retained: RetainedValues
  readonly incoming: IncomingIds
  readonly wills: StoredWills
  readonly sessions: KeptSessions
  readonly #journal: Journal
  #broker: BrokerRef = { id: '' }
  /** A stopping broker closes its clients: their wills and sessions are for the next start. */
  #frozen = false

  private constructor(options: BrokerStoreOptions) {
    this.#journal = new Journal(options)
    this.subscriptions = new Subscriptions(this.#journal)
    this.outgoing = new OutgoingQueues(this.#journal, options.onDropped)
    this.retained = new RetainedValues(this.#journal)
    this.incoming = new IncomingIds(this.#journal)
    this.wills = new StoredWills(this.#journal)
    this.sessions = new KeptSessions(this.#journal)
  }

  static async open(options: BrokerStoreOptions): Promise<BrokerStore> {
    const store = new BrokerStore(options)
    try {
      const read = (query: string) => store.#journal.all(query)
      store.sessions.load(await read(queries.sessions), Date.now())
      store.subscriptions.load(await read(queries.subscriptions))
      store.outgoing.load(await read(queries.outgoing))
      store.incoming.load(await read(queries.incoming))
      store.retained.load(await read(queries.retained))
      store.wills.load(await read(queries.wills))
    } catch (error) {
      await store.#journal.close()
      throw error
    }
    return store
  }

  get broker(): BrokerRef {
    return this.#broker
  }

  async setup(broker: BrokerRef): Promise<void> {
    this.#broker = broker
  }

  freeze(): void {
    this.#frozen = true
  }

  /** Ends a kept session: its subscriptions, queue and identifiers go with it. */
  async endSession(client: string): Promise<void> {
    await Promise.all([
      this.subscriptions.clear(client),
      this.outgoing.dropAll(client),
      this.incoming.forgetAll(client),
      this.sessions.end(client),
    ])
  }

  hasSession(client: string): boolean {
    return this.sessions.has(client, Date.now())
  }

  async storeRetained(packet: StoredPacket): Promise<void> {
    await this.retained.store(packet)
  }

  createRetainedStream(filter: string): Readable {
    return Readable.from(this.retained.matching(filter))
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const retained = this.retained
    return Readable.from(
      (function* each() {
        for (const filter of filters) yield* retained.matching(filter)
      })(),
    )
  }

  async addSubscriptions(client: ClientRef, subscriptions: readonly StoredSubscription[]): Promise<void> {
    await this.subscriptions.add(client.id, subscriptions)
  }

  async removeSubscriptions(client: ClientRef, filters: readonly string[]): Promise<void> {
    await this.subscriptions.remove(client.id, filters)
  }

  async subscriptionsByClient(client: ClientRef): Promise<StoredSubscription[]> {
    return this.subscriptions.of(client.id)
  }

  async subscriptionsByTopic(topic: string): Promise<ClientSubscription[]> {
    return this.subscriptions.matching(topic)
  }

  async countOffline() {
    return this.subscriptions.count()
  }

  /** aedes calls this when a session ends: at a clean start, and when it expires. */
  async cleanSubscriptions(client: ClientRef): Promise<void> {
    if (!this.#frozen) await this.endSession(client.id)
  }

  async outgoingEnqueue(subscription: { clientId: string }, packet: StoredPacket): Promise<void> {
    await this.outgoing.enqueue(subscription.clientId, packet)
  }

  async outgoingEnqueueCombi(
    subscriptions: readonly Partial<ClientSubscription>[],
    packet: StoredPacket,
  ): Promise<void> {
    if (subscriptions.length === 0) return
    await Promise.all(
      subscriptions.map(async ({ clientId, qos, rap, nl }) => {
        if (clientId === undefined || (nl === true && packet.clientId === clientId)) return // [MQTT-3.8.3-3] no local
        await this.outgoing.enqueue(clientId, packet, qos, rap)
      }),
    )
  }

  async outgoingUpdate(client: ClientRef, packet: PacketName): Promise<void> {
    await this.outgoing.update(client.id, packet)
  }

  async outgoingClearMessageId(client: ClientRef, packet: PacketName) {
    return this.outgoing.clear(client.id, packet.messageId)
  }

  outgoingStream(client: ClientRef): Readable {
    return Readable.from(this.outgoing.snapshot(client.id))
  }

  async incomingStorePacket(client: ClientRef, packet: StoredPacket): Promise<void> {
    const { cmd, topic, payload, qos, retain, dup = false, messageId } = packet
    if (messageId === undefined) return
    await this.incoming.remember(client, messageId, { cmd, topic, payload, qos, retain, dup, messageId })
  }

  async incomingGetPacket(client: ClientRef, packet: PacketName): Promise<StoredPacket | PacketName> {
    const id = packet.messageId ?? 0
    if (!this.incoming.has(client, id)) throw new Error('no such packet')
    return this.incoming.packet(client, id) ?? { messageId: id }
  }

  async incomingDelPacket(client: ClientRef, packet: PacketName): Promise<void> {
    await this.incoming.forget(client, packet.messageId ?? 0)
  }

  async putWill(client: ClientRef, will: StoredWill): Promise<void> {
    await this.wills.put(client.id, this.#broker.id, will)
  }

  async getWill(client: ClientRef): Promise<StoredWill | undefined> {
    return this.wills.get(client.id)
  }

  async delWill(client: ClientRef & { will?: StoredWill }): Promise<StoredWill | undefined> {
    return this.#frozen ? undefined : this.wills.delete(client.id, client.will)
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from(this.wills.all().filter((will) => brokers[will.brokerId ?? ''] === undefined))
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.subscriptions.clientsOf(filter))
  }

  async destroy(): Promise<void> {
    await this.#journal.close()
  }
}
