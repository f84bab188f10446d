import { IncomingIds } from './incoming-ids.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { KeptSessions } from './kept-sessions.ts'
import { OutgoingRows, type StoredOutgoing } from './outgoing-rows.ts'
import { RetainedValues } from './retained-values.ts'
import { queries } from './schema.ts'
import { StoredWills } from './stored-wills.ts'
import { SubscriptionRows, type StoredSubscription } from './subscription-rows.ts'
import type { Writer } from './writer.ts'

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
  readonly writer: Writer
  readonly #close: () => Promise<void>

  constructor(writer: Writer, close: () => Promise<void>) {
    this.writer = writer
    this.#close = close
    this.subscriptions = new SubscriptionRows(writer)
    this.outgoing = new OutgoingRows(writer)
    this.retained = new RetainedValues(writer)
    this.incoming = new IncomingIds(writer)
    this.wills = new StoredWills(writer)
    this.sessions = new KeptSessions(writer)
  }

  /** In a file of this node's own. */
  static async open(options: JournalOptions): Promise<{ store: BrokerStore; left: Left }> {
    const journal = new Journal(options)
    const store = new BrokerStore(journal, () => journal.close())
    try {
      const read = (query: string) => journal.all(query)
      store.sessions.load(await read(queries.sessions), Date.now())
      const subscriptions = Array.from(store.subscriptions.load(await read(queries.subscriptions)))
      const outgoing = Array.from(store.outgoing.load(await read(queries.outgoing)))
      store.incoming.load(await read(queries.incoming))
      store.retained.load(await read(queries.retained))
      store.wills.load(await read(queries.wills))
      return { store, left: { subscriptions, outgoing } }
    } catch (error) {
      await journal.close()
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
    await this.#close()
  }
}
