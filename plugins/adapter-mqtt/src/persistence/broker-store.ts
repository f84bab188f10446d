import { IncomingIds } from './incoming-ids.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { KeptSessions } from './kept-sessions.ts'
import { OutgoingRows, type StoredOutgoing } from './outgoing-rows.ts'
import { RetainedValues } from './retained-values.ts'
import { queries } from './schema.ts'
import { StoredWills } from './stored-wills.ts'
import { SubscriptionRows, type StoredSubscription } from './subscription-rows.ts'

/** What belongs to kept sessions, in order, for whoever makes them again. */
export interface Left {
  subscriptions: readonly { client: string; stored: StoredSubscription }[]
  outgoing: readonly { client: string; stored: StoredOutgoing }[]
}

/**
 * What of the broker must outlive a crash. Everything is in memory to be read and on disk to be kept; each promise resolves when its
 * change is durable.
 */
export class BrokerStore {
  readonly subscriptions: SubscriptionRows
  readonly outgoing: OutgoingRows
  readonly retained: RetainedValues
  readonly incoming: IncomingIds
  readonly wills: StoredWills
  readonly sessions: KeptSessions
  readonly #journal: Journal

  private constructor(options: JournalOptions) {
    this.#journal = new Journal(options)
    this.subscriptions = new SubscriptionRows(this.#journal)
    this.outgoing = new OutgoingRows(this.#journal)
    this.retained = new RetainedValues(this.#journal)
    this.incoming = new IncomingIds(this.#journal)
    this.wills = new StoredWills(this.#journal)
    this.sessions = new KeptSessions(this.#journal)
  }

  static async open(options: JournalOptions): Promise<{ store: BrokerStore; left: Left }> {
    const store = new BrokerStore(options)
    try {
      const read = (query: string) => store.#journal.all(query)
      store.sessions.load(await read(queries.sessions), Date.now())
      const subscriptions = Array.from(store.subscriptions.load(await read(queries.subscriptions)))
      const outgoing = Array.from(store.outgoing.load(await read(queries.outgoing)))
      store.incoming.load(await read(queries.incoming))
      store.retained.load(await read(queries.retained))
      store.wills.load(await read(queries.wills))
      return { store, left: { subscriptions, outgoing } }
    } catch (error) {
      await store.#journal.close()
      throw error
    }
  }

  /** Ends a kept session: its subscriptions, queue and identifiers go with it. */
  async endSession(client: string): Promise<void> {
    await Promise.all([
      this.subscriptions.removeAll(client),
      this.outgoing.removeAll(client),
      this.incoming.forgetAll(client),
      this.sessions.end(client),
    ])
  }

  hasSession(client: string): boolean {
    return this.sessions.has(client, Date.now())
  }

  async close(): Promise<void> {
    await this.#journal.close()
  }
}
