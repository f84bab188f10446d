import { ownerOf } from '../client-name.ts'
import type { Journal } from './journal.ts'
import { bytesOf, numberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'

/** A will as the CONNECT gave it, and whose it is. */
export interface StoredWill {
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  properties?: object
  clientId?: string
  brokerId?: string
}

/** Wills of connected clients: what is left here after a crash has not been published yet. */
export class StoredWills {
  readonly #journal: Journal
  readonly #byClient = new Map<string, StoredWill>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) {
      const properties = propertiesOf(row, 'properties')
      this.#byClient.set(textOf(row, 'client'), {
        topic: textOf(row, 'topic'),
        payload: bytesOf(row, 'payload'),
        qos: qosOf(row, 'qos'),
        retain: numberOf(row, 'retain') === 1,
        ...(properties === undefined ? {} : { properties }),
        clientId: textOf(row, 'client'),
        brokerId: textOf(row, 'broker'),
      })
    }
  }

  async put(client: string, broker: string, will: StoredWill): Promise<void> {
    will.brokerId = broker
    will.clientId = client
    this.#byClient.set(client, will)
    const payload = typeof will.payload === 'string' ? Buffer.from(will.payload) : will.payload
    await this.#journal.write(
      'putWill',
      client,
      broker,
      will.topic,
      payload,
      will.qos,
      will.retain ? 1 : 0,
      toBlob(will.properties),
    )
  }

  get(client: string): StoredWill | undefined {
    return this.#byClient.get(client)
  }

  /** With `only`, nothing is deleted unless it is that very will: the next connection may have stored its own. */
  async delete(client: string, only?: StoredWill): Promise<StoredWill | undefined> {
    const will = this.#byClient.get(client)
    if (will === undefined || (only !== undefined && only !== will)) return undefined
    this.#byClient.delete(client)
    await this.#journal.write('deleteWill', client)
    return will
  }

  ofOwner(owner: string): string[] {
    return Array.from(this.#byClient.keys()).filter((client) => ownerOf(client) === owner)
  }

  all(): StoredWill[] {
    return Array.from(this.#byClient.values())
  }
}
