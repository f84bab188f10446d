import type { Journal } from './journal.ts'
import { bytesOf, numberOf, optionalNumberOf, propertiesOf, qosOf, textOf, toBlob, type Row } from './row.ts'
import { payloadBytes, type PacketName, type StoredPacket } from './stored-packet.ts'

/** The queue of one kept session: beyond either, further messages are left out and told. */
export const maxQueuedMessages = 10_000
const maxQueuedBytes = 32 * 1024 * 1024

interface Entry {
  seq: number
  packet: StoredPacket | (PacketName & { cmd: string })
  key: string
  bytes: number
  qos: 0 | 1 | 2
}

class Queue {
  readonly bySeq = new Map<number, Entry>()
  readonly byKey = new Map<string, Entry>()
  readonly byId = new Map<number, Entry>()
  bytes = 0
}

const keyOf = (packet: PacketName) => `${packet.brokerId ?? ''}:${packet.brokerCounter ?? 0}`

/** Messages on their way to kept sessions, until each is acknowledged. In memory to be sent, on disk to outlive a crash. */
export class OutgoingQueues {
  readonly #journal: Journal
  readonly #onDropped: (client: string, topic: string) => void
  readonly #queues = new Map<string, Queue>()
  #nextSeq = 1

  constructor(journal: Journal, onDropped: (client: string, topic: string) => void) {
    this.#journal = journal
    this.#onDropped = onDropped
  }

  load(rows: readonly Row[]): void {
    for (const row of rows) {
      const seq = numberOf(row, 'seq')
      this.#nextSeq = Math.max(this.#nextSeq, seq + 1)
      this.#insert(textOf(row, 'client'), seq, toPacket(row))
    }
  }

  /** Resolves when the copy is durable. `qos`: what the subscription grants. */
  async enqueue(
    client: string,
    given: StoredPacket,
    qos: 0 | 1 | 2 = given.qos,
    retainAsPublished = true,
  ): Promise<void> {
    const queue = this.#queueOf(client)
    const key = keyOf(given)
    const twin = queue.byKey.get(key)
    if (twin !== undefined) return // overlapping filters of one session: one copy
    if (queue.bySeq.size >= maxQueuedMessages || queue.bytes + given.payload.length > maxQueuedBytes) {
      this.#onDropped(client, given.topic)
      return
    }
    const packet: StoredPacket = {
      ...(given.clientId === undefined ? {} : { clientId: given.clientId }),
      ...(given.properties === undefined ? {} : { properties: given.properties }),
      ...(given.messageExpiry === undefined ? {} : { messageExpiry: given.messageExpiry }),
      cmd: given.cmd,
      brokerId: given.brokerId ?? '',
      brokerCounter: given.brokerCounter ?? 0,
      topic: given.topic,
      payload: given.payload,
      qos: qos < given.qos ? qos : given.qos,
      retain: retainAsPublished && given.retain,
      dup: given.dup ?? false,
      messageId: undefined,
    }
    const seq = this.#nextSeq++
    this.#insert(client, seq, packet)
    await this.#journal.write(
      'enqueue',
      client,
      seq,
      packet.brokerId ?? '',
      packet.brokerCounter ?? 0,
      packet.cmd,
      packet.topic,
      payloadBytes(packet),
      packet.qos,
      packet.retain ? 1 : 0,
      toBlob(packet.properties),
      packet.messageExpiry ?? null,
    )
  }

  /** Notes the packet identifier a message is sent under, or that it is released (PUBREL). */
  async update(client: string, packet: PacketName): Promise<void> {
    const queue = this.#queues.get(client)
    if (queue === undefined || packet.messageId === undefined) return
    if (packet.cmd === 'pubrel') {
      const entry = queue.byId.get(packet.messageId)
      if (entry === undefined) return
      queue.bytes -= entry.bytes
      entry.bytes = 0
      entry.packet = { ...packet, cmd: 'pubrel' }
      // durable before the PUBREL goes out: else a restart repeats a message the client has completed
      await this.#journal.write('releaseOutgoing', packet.messageId, client, entry.seq)
      return
    }
    const entry = queue.byKey.get(keyOf(packet))
    if (entry === undefined) return
    const earlier = entry.packet.messageId
    if (earlier !== undefined && queue.byId.get(earlier) === entry) queue.byId.delete(earlier)
    entry.packet.messageId = packet.messageId
    queue.byId.set(packet.messageId, entry)
    const durable = this.#journal.write('numberOutgoing', packet.messageId, client, entry.seq)
    if (entry.qos === 2) await durable
    else durable.catch(alreadyTold)
  }

  /** Takes the acknowledged message out. */
  clear(client: string, messageId: number | undefined): StoredPacket | PacketName | undefined {
    const queue = this.#queues.get(client)
    const entry = messageId === undefined ? undefined : queue?.byId.get(messageId)
    if (queue === undefined || entry === undefined || messageId === undefined) return undefined
    queue.byId.delete(messageId)
    queue.byKey.delete(entry.key)
    queue.bySeq.delete(entry.seq)
    queue.bytes -= entry.bytes
    if (queue.bySeq.size === 0) this.#queues.delete(client)
    // after a crash it is sent once more at worst, and its acknowledgement ends it
    this.#journal.note('dequeue', client, entry.seq)
    return entry.packet
  }

  isInUse(client: string, messageId: number): boolean {
    return this.#queues.get(client)?.byId.has(messageId) ?? false
  }

  /** A copy of the queue in order: it changes while it is sent. */
  snapshot(client: string): (StoredPacket | PacketName)[] {
    return Array.from(this.#queues.get(client)?.bySeq.values() ?? [], (entry) => entry.packet)
  }

  async dropAll(client: string): Promise<void> {
    if (!this.#queues.delete(client)) return
    await this.#journal.write('dequeueAll', client)
  }

  #queueOf(client: string): Queue {
    let queue = this.#queues.get(client)
    if (queue === undefined) {
      queue = new Queue()
      this.#queues.set(client, queue)
    }
    return queue
  }

  #insert(client: string, seq: number, packet: StoredPacket): void {
    const queue = this.#queueOf(client)
    const bytes = packet.payload.length
    const entry: Entry = { seq, packet, key: keyOf(packet), bytes, qos: packet.qos }
    queue.bySeq.set(seq, entry)
    queue.byKey.set(entry.key, entry)
    if (packet.messageId !== undefined) queue.byId.set(packet.messageId, entry)
    queue.bytes += bytes
  }
}

function toPacket(row: Row): StoredPacket {
  const properties = propertiesOf(row, 'properties')
  const messageExpiry = optionalNumberOf(row, 'expires_at_ms')
  return {
    ...(properties === undefined ? {} : { properties }),
    ...(messageExpiry === undefined ? {} : { messageExpiry }),
    cmd: textOf(row, 'cmd'),
    brokerId: textOf(row, 'broker'),
    brokerCounter: numberOf(row, 'counter'),
    topic: textOf(row, 'topic'),
    payload: bytesOf(row, 'payload'),
    qos: qosOf(row, 'qos'),
    retain: numberOf(row, 'retain') === 1,
    // [MQTT-3.3.1-1] a message that has an identifier was sent before
    dup: optionalNumberOf(row, 'message_id') !== undefined,
    messageId: optionalNumberOf(row, 'message_id'),
  }
}

/** The journal tells its owner of each failed batch. */
const alreadyTold = () => undefined
