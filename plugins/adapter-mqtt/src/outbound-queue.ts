import type { Delivery } from '@patchbay/sdk'
import { connectionGone, deliveryRefused, packetTooLarge, queueFull } from './errors.ts'
import { keepBytes, type Message, type Qos } from './message.ts'
import { newEntry, sharedBytes, toPublish, type Entry, type Link } from './outbound-entry.ts'
import type { OutgoingRows, StoredOutgoing } from './persistence/outgoing-rows.ts'
import { plainAcknowledgement } from './wire/acknowledgement.ts'
import { packetTypes } from './wire/framing.ts'
import { protocolError } from './wire/violation.ts'

/** Unacknowledged messages of one connection, whatever its Receive Maximum allows. */
const maxInFlight = 256
/** What a waiting message takes beside its payload, so that many small ones count as what they are. */
const entryBytes = 256
/** The queue of one session: beyond it, messages are left out. */
export const maxQueuedBytes = 12 * 1024 * 1024
/** Beyond it a connected client is too slow: it is cut off, and a kept session goes on queueing without it. */
const maxBacklogBytes = 8 * 1024 * 1024
/** Beyond it a connected client gets no QoS 0 message more until it reads. */
const maxUnsentBytes = 1024 * 1024
/** No more is handed to a socket that has this much unsent. */
const highWaterBytes = 256 * 1024
/** A queue in a shared store is read on when less than this is left of it here. */
const hungryMessages = 64
const hungryBytes = 1024 * 1024
/** Messages of the platform itself that may wait for one client. */
const maxPlatformMessages = 1_000

/** Everything on its way to one session, in order. What is unacknowledged when a connection ends is sent again on the next. */
export class OutboundQueue {
  readonly #client: string
  readonly #rows: OutgoingRows
  readonly #onDropped: (topic: string) => void
  #queue: Entry[] = []
  #head = 0
  readonly #inFlight = new Map<number, Entry>()
  /** From an earlier connection, to be sent again before anything else. [MQTT-4.4.0-1] */
  #again: Entry[] = []
  readonly #platform = new Map<Entry, Promise<void>>()
  #bytes = 0
  #outstanding = 0
  /** Identifiers on their way to disk: what is sent meanwhile waits, for the order's sake. */
  #numbering = 0
  #lastId = 0
  #link: Link | undefined

  constructor(client: string, rows: OutgoingRows, onDropped: (topic: string) => void) {
    this.#client = client
    this.#rows = rows
    this.#onDropped = onDropped
  }

  /** What an earlier run of the process has left, in order. */
  load(stored: StoredOutgoing): void {
    const entry: Entry = {
      ...stored,
      releasing: undefined,
      sent: stored.messageId !== 0,
      link: undefined,
      settle: undefined,
    }
    if (!entry.released) this.#bytes += sizeOf(entry.message)
    if (entry.messageId === 0) this.#queue.push(entry)
    else this.#inFlight.set(entry.messageId, entry)
  }

  /** Where more comes from when little is left, for a queue that is in a shared store. */
  onHungry: (() => void) | undefined

  /** The next ones of a queue that is in a shared store. */
  take(stored: readonly StoredOutgoing[]): void {
    for (const each of stored) this.load(each)
    this.#pump()
  }

  get isHungry(): boolean {
    return this.#link !== undefined && this.waiting < hungryMessages && this.#bytes < hungryBytes
  }

  get isAttached(): boolean {
    return this.#link !== undefined
  }

  /** Whether the client keeps up: a shared message goes to one that does. */
  get isReady(): boolean {
    return this.#link !== undefined && this.waiting < maxInFlight && this.#link.backlogBytes < highWaterBytes
  }

  get waiting(): number {
    return this.#queue.length - this.#head
  }

  /** The promise resolves when a copy that must outlive a crash is durable. */
  add(
    message: Message,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[] | undefined,
    durable: boolean,
  ): Promise<void> | undefined {
    if (qos === 0) {
      this.#sendAtOnce(message, retain, identifiers)
      return undefined
    }
    if (durable && this.#rows.isShared) {
      return this.#rows.append(this.#client, message, qos, retain, identifiers, () => this.#onDropped(message.topic))
    }
    const bytes = this.#bytes + sizeOf(message)
    if (this.#link !== undefined && bytes > maxBacklogBytes) {
      this.#link.tooSlow(message.topic)
      if (!durable) return undefined
    }
    if (bytes > maxQueuedBytes) {
      this.#onDropped(message.topic)
      return undefined
    }
    const seq = durable ? this.#rows.nextSeq() : 0
    if (durable) keepBytes(message)
    const entry = newEntry(message, qos, retain, identifiers, seq)
    this.#queue.push(entry)
    this.#bytes = bytes
    const stored = durable
      ? this.#rows.add(this.#client, { seq, message, qos, retain, identifiers, messageId: 0, released: false })
      : undefined
    this.#pump()
    if (entry.messageId === 0) keepBytes(message)
    return stored
  }

  /** Sends what the platform itself says; resolves when the client has acknowledged it, or at QoS 0 when it is written. */
  sendForPlatform(delivery: Delivery, granted: Qos, identifier: number | undefined): Promise<void> {
    if (this.#link === undefined) return Promise.reject(connectionGone())
    // overlapping filters of one client match the same message: it is sent once [MQTT-3.3.5-1]
    for (const [{ message }, promise] of this.#platform) {
      if (message.topic === delivery.topic && message.payload.equals(delivery.bytes)) return promise
    }
    if (this.#platform.size >= maxPlatformMessages) return Promise.reject(queueFull(1))
    const payload = Buffer.from(delivery.bytes)
    const qos = delivery.qos === 0 || granted === 0 ? 0 : 1
    const common = { retain: false, properties: undefined, expiresAtMs: undefined, from: '' }
    const message: Message = { topic: delivery.topic, payload, qos, ...common }
    const entry = newEntry(message, qos, false, identifier === undefined ? undefined : [identifier], 0)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    entry.settle = (failed) => {
      this.#platform.delete(entry)
      if (failed === undefined) resolve()
      else reject(failed)
    }
    if (qos === 0) {
      this.#write(entry, this.#link)
      entry.settle(undefined)
      return promise
    }
    this.#platform.set(entry, promise)
    this.#bytes += sizeOf(message)
    this.#queue.push(entry)
    this.#pump()
    return promise
  }

  attach(link: Link): void {
    this.#link = link
    this.#outstanding = 0
    this.#again = Array.from(this.#inFlight.values())
    this.#pump()
  }

  /** The connection is gone; the platform keeps its own messages, everything else waits here. */
  detach(): void {
    this.#link = undefined
    this.#again = []
    for (const entry of this.#platform.keys()) this.#forget(entry, connectionGone())
    for (const { message } of this.#inFlight.values()) keepBytes(message)
    this.#queue = this.#queue.slice(this.#head).filter((entry) => entry.settle === undefined)
    this.#head = 0
  }

  /** The client has taken bytes. */
  pump(): void {
    if (this.#again.length > 0 || this.#head < this.#queue.length) this.#pump()
  }

  /** PUBACK. */
  acknowledge(messageId: number, reasonCode: number): void {
    const entry = this.#inFlight.get(messageId)
    if (entry === undefined) return
    if (entry.qos !== 1) throw protocolError('A PUBACK for a QoS 2 message') // [MQTT-4.3.3-1]
    this.#finish(entry, reasonCode >= 0x80 ? deliveryRefused(reasonCode) : undefined)
  }

  /** PUBREC: the message is released, durably before the PUBREL goes out; else a restart would repeat it. */
  receive(messageId: number, reasonCode: number): void {
    const entry = this.#inFlight.get(messageId)
    const link = this.#link
    if (entry?.qos === 1) throw protocolError('A PUBREC for a QoS 1 message') // [MQTT-4.3.2-3]
    if (entry === undefined) {
      // [MQTT 5, 3.6.2.1] not known any more is no error after a broken connection, and cannot be told from one
      if (reasonCode < 0x80) link?.send(plainAcknowledgement(packetTypes.pubrel, messageId))
      return
    }
    if (reasonCode >= 0x80) return this.#finish(entry, deliveryRefused(reasonCode))
    if (!entry.released) {
      entry.released = true
      this.#bytes -= sizeOf(entry.message)
      if (entry.seq !== 0) entry.releasing = this.#rows.release(this.#client, entry.seq)
    }
    if (link !== undefined) this.#release(entry, link)
  }

  #release(entry: Entry, link: Link): void {
    const send = () => {
      entry.releasing = undefined
      if (this.#link === link) link.send(plainAcknowledgement(packetTypes.pubrel, entry.messageId))
    }
    // a failed write ends the store, which tells its owner
    if (entry.releasing === undefined) send()
    else entry.releasing.then(send, ignore)
  }

  /** PUBCOMP. */
  complete(messageId: number): void {
    const entry = this.#inFlight.get(messageId)
    if (entry === undefined) return
    if (!entry.released) throw protocolError('A PUBCOMP for a message that was not released') // [MQTT-4.3.3-7]
    this.#finish(entry, undefined)
  }

  #finish(entry: Entry, failed: Error | undefined): void {
    this.#forget(entry, failed)
    this.#pump()
  }

  #forget(entry: Entry, failed: Error | undefined): void {
    if (this.#inFlight.get(entry.messageId) === entry) this.#inFlight.delete(entry.messageId)
    if (entry.link !== undefined && entry.link === this.#link) this.#outstanding--
    entry.link = undefined
    if (!entry.released) this.#bytes -= sizeOf(entry.message)
    if (entry.seq !== 0) this.#rows.remove(this.#client, entry.seq)
    entry.settle?.(failed)
    entry.settle = undefined
  }

  #sendAtOnce(message: Message, retain: boolean, identifiers: readonly number[] | undefined): void {
    const link = this.#link
    if (link === undefined || !link.mayReceive(message.topic)) return
    // [MQTT-4.3.1] at most once: what a slow reader cannot take is left out
    if (link.backlogBytes > maxUnsentBytes) return this.#onDropped(message.topic)
    const isCommon = !retain && identifiers === undefined && message.properties === undefined
    if (isCommon && message.expiresAtMs === undefined && link.topicAliasMaximum === 0) {
      const bytes = sharedBytes(message, link.version)
      if (bytes.length <= link.maximumPacketSize) link.send(bytes)
    } else this.#write(newEntry(message, 0, retain, identifiers, 0), link)
  }

  #pump(): void {
    const link = this.#link
    if (link === undefined) return
    // [MQTT-3.3.4-9] never more than the client's Receive Maximum
    const window = Math.min(maxInFlight, link.receiveMaximum)
    while (this.#link === link && this.#outstanding < window && link.backlogBytes < highWaterBytes) {
      const again = this.#again.shift()
      if (again !== undefined) {
        if (this.#inFlight.get(again.messageId) === again) this.#resend(again, link)
        continue
      }
      const entry = this.#queue[this.#head]
      if (entry === undefined) break
      this.#head++
      this.#sendNew(entry, link)
    }
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    if (this.onHungry !== undefined && this.isHungry) this.onHungry()
  }

  #resend(entry: Entry, link: Link): void {
    this.#outstanding++
    entry.link = link
    if (entry.released) this.#release(entry, link)
    else this.#write(entry, link)
  }

  #sendNew(entry: Entry, link: Link): void {
    const { message } = entry
    const isExpired = message.expiresAtMs !== undefined && message.expiresAtMs <= Date.now()
    entry.messageId = this.#nextId()
    // [MQTT-3.3.2-5] an expired message is not sent; rights may have gone since it was queued
    if (isExpired || (entry.settle === undefined && !link.mayReceive(message.topic)))
      return this.#forget(entry, undefined)
    this.#inFlight.set(entry.messageId, entry)
    this.#outstanding++
    entry.link = link
    if (entry.seq === 0 && this.#numbering === 0) return this.#write(entry, link)
    const numbered =
      entry.seq === 0 ? this.#rows.flushed() : this.#rows.number(this.#client, entry.seq, entry.messageId)
    if (entry.qos === 1 && this.#numbering === 0) {
      numbered.catch(ignore)
      return this.#write(entry, link)
    }
    // the identifier of a QoS 2 message is durable before it is used: a crash must not make a second message of it
    this.#numbering++
    const written = () => {
      this.#numbering--
      if (entry.link === link && this.#link === link) this.#write(entry, link)
    }
    numbered.then(written, () => this.#numbering--)
  }

  #write(entry: Entry, link: Link): void {
    const { message, qos } = entry
    const alias = link.version === 5 ? link.aliasOf(message.topic) : undefined
    const bytes = toPublish(entry, link.version, alias)
    if (bytes.length > link.maximumPacketSize) {
      // [MQTT-3.1.2-25] as if it had been sent
      if (qos > 0) this.#forget(entry, packetTooLarge(`A packet of ${bytes.length} bytes is over the client’s limit`))
      return
    }
    if (alias?.known === false) link.keepAlias(message.topic, alias.alias)
    entry.sent = qos > 0
    link.send(bytes)
  }

  /** [MQTT-2.2.1-3] one that is not in use. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#inFlight.has(this.#lastId))
    return this.#lastId
  }
}

const sizeOf = ({ payload, topic }: Message): number => payload.length + topic.length + entryBytes

const ignore = () => undefined
