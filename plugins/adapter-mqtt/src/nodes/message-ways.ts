import type { Message } from '../message.ts'
import type { SharedWriter } from '../persistence/writer.ts'
import type { ForeignWays } from './foreign-session.ts'
import { packMessage } from './message-bytes.ts'
import type { NodeConnections } from './node-connections.ts'
import type { RedisJournal } from './redis-journal.ts'

/** From here to other nodes: QoS 0 at most once, the rest by their inboxes, in the order of the journal. */
export class MessageWays implements ForeignWays {
  readonly #journal: RedisJournal
  readonly #connections: NodeConnections
  readonly #writer: () => SharedWriter
  readonly #onDropped: (client: string, topic: string) => void
  /** The message that is being given to its receivers, one after the other in one turn. */
  #message: Message | undefined
  readonly #sent = new Map<string, Promise<void> | undefined>()

  constructor(
    journal: RedisJournal,
    connections: NodeConnections,
    writer: () => SharedWriter,
    onDropped: (client: string, topic: string) => void,
  ) {
    this.#journal = journal
    this.#connections = connections
    this.#writer = writer
    this.#onDropped = onDropped
  }

  append: ForeignWays['append'] = (client, packed) =>
    this.#writer().append(client, packed, () => this.#onDropped(client, packed.message.topic))

  send: ForeignWays['send'] = (life, message, direct) => {
    if (direct !== undefined)
      return this.#sendBytes(life, message, packDirect(direct.client, direct.name, packMessage(direct.packed)))
    if (this.#message !== message) {
      this.#message = message
      this.#sent.clear()
      queueMicrotask(() => {
        this.#message = undefined
        this.#sent.clear()
      })
    }
    if (this.#sent.has(life)) return this.#sent.get(life)
    const { qos, retain } = message
    const sent = this.#sendBytes(
      life,
      message,
      packDirect('', '', packMessage({ message, qos, retain, identifiers: undefined })),
    )
    this.#sent.set(life, sent)
    return sent
  }

  #sendBytes(life: string, { qos }: Message, bytes: Buffer): Promise<void> | undefined {
    if (qos > 0) return this.#journal.writeNow('send', [life, bytes])
    this.#connections.publish(life, bytes)
    return undefined
  }
}

/** Whom it is for, if for somebody, and the message. */
export function packDirect(client: string, name: string, packed: Buffer): Buffer {
  const head = Buffer.from(client === '' ? '' : JSON.stringify([client, name]))
  const size = Buffer.alloc(2)
  size.writeUInt16BE(head.length)
  return Buffer.concat([size, head, packed])
}

export function unpackDirect(bytes: Buffer): { direct: { client: string; name: string } | undefined; packed: Buffer } {
  const end = 2 + bytes.readUInt16BE(0)
  const head: unknown = end === 2 ? undefined : JSON.parse(bytes.toString('utf8', 2, end))
  const [client, name] = Array.isArray(head) ? head.map(String) : []
  const direct = client === undefined || name === undefined ? undefined : { client, name }
  return { direct, packed: bytes.subarray(end) }
}
