import type { Message, Qos } from '../message.ts'
import { bytesOf, numberOf, optionalNumberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'
import type { Writer } from './writer.ts'

/** One message on its way to a kept session, as it is on disk. */
export interface StoredOutgoing {
  seq: number
  message: Message
  qos: Qos
  retain: boolean
  identifiers: readonly number[] | undefined
  /** 0: not sent yet. */
  messageId: number
  /** The client has it: only its PUBREL and PUBCOMP are missing. */
  released: boolean
}

/** Messages on their way to kept sessions, on disk to outlive a crash. The sessions have them in memory. */
export class OutgoingRows {
  readonly #writer: Writer
  #nextSeq = 1

  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** In the order in which they were queued. */
  *load(rows: readonly Row[]): Generator<{ client: string; stored: StoredOutgoing }> {
    for (const row of rows) {
      const stored = toStored(row)
      this.#nextSeq = Math.max(this.#nextSeq, stored.seq + 1)
      yield { client: textOf(row, 'client'), stored }
    }
  }

  /** The queue is in the store, and not with the session: it comes from there, whoever put it in. */
  get isShared(): boolean {
    return this.#writer.shared !== undefined
  }

  append(
    client: string,
    message: Message,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[] | undefined,
    onDropped: () => void,
  ): Promise<void> {
    const appended = this.#writer.shared?.append(client, { message, qos, retain, identifiers }, onDropped)
    return appended ?? Promise.resolve()
  }

  nextSeq(): number {
    return this.#nextSeq++
  }

  /** Resolves when the copy is durable. */
  add(client: string, { seq, message, qos, retain, identifiers }: StoredOutgoing): Promise<void> {
    const properties =
      identifiers === undefined ? message.properties : { ...message.properties, subscriptionIdentifiers: identifiers }
    return this.#writer.write(
      'enqueue',
      client,
      seq,
      message.from,
      0,
      'publish',
      message.topic,
      message.payload,
      qos,
      retain ? 1 : 0,
      toBlob(properties),
      message.expiresAtMs ?? null,
    )
  }

  /** Notes the packet identifier a message is sent under. */
  number(client: string, seq: number, messageId: number): Promise<void> {
    return this.#writer.write('numberOutgoing', messageId, client, seq)
  }

  release(client: string, seq: number): Promise<void> {
    return this.#writer.write('releaseOutgoing', client, seq)
  }

  /** After a crash it is sent once more at worst, and its acknowledgement ends it. */
  remove(client: string, seq: number): void {
    this.#writer.note('dequeue', client, seq)
  }

  removeAll(client: string): Promise<void> {
    return this.#writer.write('dequeueAll', client)
  }

  flushed(): Promise<void> {
    return this.#writer.flushed()
  }
}

function toStored(row: Row): StoredOutgoing {
  const properties = propertiesOf(row, 'properties')
  const { subscriptionIdentifiers: identifiers, ...forwarded } = properties ?? {}
  return {
    seq: numberOf(row, 'seq'),
    message: {
      topic: textOf(row, 'topic'),
      payload: bytesOf(row, 'payload'),
      qos: qosOf(row, 'qos'),
      retain: numberOf(row, 'retain') === 1,
      properties: properties === undefined ? undefined : forwarded,
      expiresAtMs: optionalNumberOf(row, 'expires_at_ms'),
      from: textOf(row, 'broker'),
    },
    qos: qosOf(row, 'qos'),
    retain: numberOf(row, 'retain') === 1,
    identifiers,
    messageId: optionalNumberOf(row, 'message_id') ?? 0,
    released: textOf(row, 'cmd') === 'pubrel',
  }
}
