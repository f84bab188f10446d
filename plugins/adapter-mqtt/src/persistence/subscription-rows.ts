import type { Qos } from '../message.ts'
import { optionalNumberOf, qosOf, textOf, type Row } from './row.ts'
import type { Writer } from './writer.ts'

/** A subscription of a kept session as it is on disk. */
export interface StoredSubscription {
  name: string
  qos: Qos
  noLocal: boolean
  retainAsPublished: boolean
  identifier: number | undefined
  /** Allowed by an access plugin, which cannot be asked again for each message. */
  byProvider: boolean
}

/** The subscriptions of kept sessions on disk. The sessions have them in memory. */
export class SubscriptionRows {
  readonly #writer: Writer

  constructor(writer: Writer) {
    this.#writer = writer
  }

  *load(rows: readonly Row[]): Generator<{ client: string; stored: StoredSubscription }> {
    for (const row of rows) {
      const details: unknown = JSON.parse(textOf(row, 'details'))
      const from: Row = typeof details === 'object' && details !== null ? { ...details } : {}
      const stored: StoredSubscription = {
        name: textOf(row, 'filter'),
        qos: qosOf(row, 'qos'),
        noLocal: from['nl'] === true,
        retainAsPublished: from['rap'] === true,
        identifier: optionalNumberOf(from, 'subscriptionIdentifier'),
        byProvider: from['byProvider'] === true,
      }
      yield { client: textOf(row, 'client'), stored }
    }
  }

  add(client: string, { name, qos, noLocal, retainAsPublished, identifier, byProvider }: StoredSubscription) {
    const details = { nl: noLocal, rap: retainAsPublished, subscriptionIdentifier: identifier, byProvider }
    return this.#writer.write('subscribe', client, name, qos, JSON.stringify(details))
  }

  remove(client: string, name: string): Promise<void> {
    return this.#writer.write('unsubscribe', client, name)
  }

  removeAll(client: string): Promise<void> {
    return this.#writer.write('unsubscribeAll', client)
  }
}
