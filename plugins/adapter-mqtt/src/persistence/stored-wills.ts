import { ownerOf } from '../client-name.ts'
import { packMessage, unpackMessage } from '../nodes/message-bytes.ts'
import type { Will } from '../wire/connect.ts'
import { bytesOf, numberOf, optionalNumberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'
import type { Writer } from './writer.ts'

function packWill(client: string, { topic, payload, qos, retain, properties }: Will): Buffer {
  const message = { topic, payload, qos, retain, properties, expiresAtMs: undefined, from: client }
  return packMessage({ message, qos, retain, identifiers: undefined })
}

export interface StoredWill {
  readonly client: string
  readonly will: Will
  /** When it is to be published, once its connection is gone. [MQTT 5, 3.1.3.2.2] */
  dueAtMs: number | undefined
}

/** Wills that have not been published: of connections that live, and of those whose delay still runs. */
export class StoredWills {
  readonly #writer: Writer
  readonly #byClient = new Map<string, StoredWill>()

  constructor(writer: Writer) {
    this.#writer = writer
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
    if (this.#writer.shared !== undefined) await this.#writer.write('putWill', client, packWill(client, will))
    else {
      this.#writer.note('untimeWill', client)
      await this.#writer.write('putWill', client, '', topic, payload, qos, retain ? 1 : 0, toBlob(properties))
    }
    return stored
  }

  /** Whether it is still this node's to publish: another one may have it, or its client is back there. */
  async mayPublish({ client }: StoredWill): Promise<boolean> {
    return (await this.#writer.shared?.fireWill(client)) ?? true
  }

  /** Taken over from another node. */
  adopt(client: string, packed: Buffer, dueAtMs: number | undefined): StoredWill {
    const { message } = unpackMessage(packed)
    const { topic, payload, qos, retain, properties } = message
    const will: Will = { topic, payload, qos, retain, ...(properties === undefined ? {} : { properties }) }
    const stored: StoredWill = { client, will, dueAtMs }
    this.#byClient.set(client, stored)
    return stored
  }

  get(client: string): StoredWill | undefined {
    return this.#byClient.get(client)
  }

  /** The delay runs now, and goes on over a restart. */
  time(stored: StoredWill, dueAtMs: number): void {
    stored.dueAtMs = dueAtMs
    if (this.#byClient.get(stored.client) === stored) this.#writer.note('timeWill', stored.client, dueAtMs)
  }

  /** Nothing is deleted unless it is that very will: the next connection may have stored its own. */
  async delete(stored: StoredWill): Promise<boolean> {
    if (this.#byClient.get(stored.client) !== stored) return false
    this.#byClient.delete(stored.client)
    this.#writer.note('untimeWill', stored.client)
    await this.#writer.write('deleteWill', stored.client)
    return true
  }

  /** Somebody else has it: it is only forgotten here. */
  drop(stored: StoredWill): void {
    if (this.#byClient.get(stored.client) === stored) this.#byClient.delete(stored.client)
  }

  ofOwner(owner: string): StoredWill[] {
    return this.all().filter(({ client }) => ownerOf(client) === owner)
  }

  all(): StoredWill[] {
    return Array.from(this.#byClient.values())
  }
}
