import { ownerOf } from '../client-name.ts'
import type { Will } from '../wire/connect.ts'
import type { Journal } from './journal.ts'
import { bytesOf, numberOf, optionalNumberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'

export interface StoredWill {
  readonly client: string
  readonly will: Will
  /** When it is to be published, once its connection is gone. [MQTT 5, 3.1.3.2.2] */
  dueAtMs: number | undefined
}

/** Wills that have not been published: of connections that live, and of those whose delay still runs. */
export class StoredWills {
  readonly #journal: Journal
  readonly #byClient = new Map<string, StoredWill>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) {
      const properties = propertiesOf(row, 'properties')
      const client = textOf(row, 'client')
      const will: Will = {
        topic: textOf(row, 'topic'),
        payload: bytesOf(row, 'payload'),
        qos: qosOf(row, 'qos'),
        retain: numberOf(row, 'retain') === 1,
        ...(properties === undefined ? {} : { properties }),
      }
      this.#byClient.set(client, { client, will, dueAtMs: optionalNumberOf(row, 'due_at_ms') })
    }
  }

  async put(client: string, will: Will): Promise<StoredWill> {
    const stored: StoredWill = { client, will, dueAtMs: undefined }
    this.#byClient.set(client, stored)
    const { topic, payload, qos, retain, properties } = will
    this.#journal.note('untimeWill', client)
    await this.#journal.write('putWill', client, '', topic, payload, qos, retain ? 1 : 0, toBlob(properties))
    return stored
  }

  get(client: string): StoredWill | undefined {
    return this.#byClient.get(client)
  }

  /** The delay runs now, and goes on over a restart. */
  time(stored: StoredWill, dueAtMs: number): void {
    stored.dueAtMs = dueAtMs
    if (this.#byClient.get(stored.client) === stored) this.#journal.note('timeWill', stored.client, dueAtMs)
  }

  /** Nothing is deleted unless it is that very will: the next connection may have stored its own. */
  async delete(stored: StoredWill): Promise<boolean> {
    if (this.#byClient.get(stored.client) !== stored) return false
    this.#byClient.delete(stored.client)
    this.#journal.note('untimeWill', stored.client)
    await this.#journal.write('deleteWill', stored.client)
    return true
  }

  ofOwner(owner: string): StoredWill[] {
    return this.all().filter(({ client }) => ownerOf(client) === owner)
  }

  all(): StoredWill[] {
    return Array.from(this.#byClient.values())
  }
}
