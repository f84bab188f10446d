import type { PublishOptions, RefusedError } from '@patchbay/sdk'
import { recordRefusal, type Adapter } from './adapter.ts'
import type { Arriving, BrokerSession } from './broker-session.ts'
import type { Client } from './client.ts'
import { ownerOf } from './client-name.ts'
import { retainedFull, storeUnavailable } from './errors.ts'
import { KnownTopics, type KnownTopic } from './known-topics.ts'
import { toMessage, type Qos } from './message.ts'
import { pubackCodeOf, reasonCodes } from './refusal-words.ts'
import { plainAcknowledgement, writeAcknowledgement } from './wire/acknowledgement.ts'
import { packetTypes, type Header } from './wire/framing.ts'
import type { Properties } from './wire/properties.ts'
import { readPublish, type PublishParts } from './wire/publish.ts'
import { receiveMaximumExceeded } from './wire/violation.ts'

/** The name under which this adapter relays: what it publishes is not handed to its broker a second time. */
export const relayName = 'mqtt'

/** Messages of one client that are not settled: beyond either no more is read. */
const maxUnderWay = 1_000
const maxUnderWayBytes = 4 * 1024 * 1024
/** A 3.1.1 client over its quota is slowed down before its connection is closed. */
const quotaDelayMs = 1_000

/** One message between its arrival and its acknowledgement. */
interface Slot {
  readonly qos: Qos
  readonly messageId: number
  readonly topic: KnownTopic
  readonly payload: Buffer
  readonly retain: boolean
  readonly properties: Properties | undefined
  /** It came again before its PUBREL: acknowledged again, not taken again. */
  readonly isRepeat: boolean
  /** The first arrival of a QoS 2 message. */
  readonly arriving: Arriving | undefined
  /** Counted against the Receive Maximum; a QoS 2 message is counted by its stored identifier later. */
  isCounted: boolean
  refused: RefusedError | undefined
  stage: 'committing' | 'settled' | 'storing' | 'done'
}

/** The commonest options, so that a plain message needs no object of its own. */
const plain: readonly PublishOptions[] = ([0, 1, 2] as const).map((qos) => Object.freeze({ qos, relayedBy: relayName }))

/** The messages of one client, from its bytes to the platform, to other sessions, and to the acknowledgement. */
export class InboundPublishes {
  readonly #adapter: Adapter
  readonly #client: Client
  readonly #topics: KnownTopics
  readonly #parts: PublishParts = {
    qos: 0,
    retain: false,
    topicFrom: 0,
    topicEnd: 0,
    messageId: 0,
    properties: undefined,
    payloadFrom: 0,
    payloadEnd: 0,
  }
  /** In the order of arrival: they are passed on and answered in it, whatever order they settle in. [MQTT-4.6.0-2] */
  #slots: Slot[] = []
  /** How many of them have been passed on. */
  #passed = 0
  #acknowledgeable = 0
  #quiet = 0
  #bytes = 0
  #isFull = false
  #isStopped = false

  constructor(adapter: Adapter, client: Client) {
    this.#adapter = adapter
    this.#client = client
    this.#topics = new KnownTopics(adapter, client)
  }

  /** Messages that are not settled, stored and passed on yet. */
  get underWay(): number {
    return this.#isStopped ? 0 : this.#slots.length + this.#quiet
  }

  take(bytes: Buffer, at: number, header: Header): void {
    const parts = this.#parts
    readPublish(bytes, at, header, this.#client.version, parts)
    const topic = this.#topics.of(bytes, parts)
    const payload = bytes.subarray(parts.payloadFrom, parts.payloadEnd)
    if (parts.qos === 0 && !parts.retain && topic.platform !== undefined && this.#topics.isSilent(topic)) {
      this.#quiet++
      topic.platform.push(payload, optionsOf(parts), this.#settleQuietly)
      if (this.#quiet >= maxUnderWay) this.#fill()
      return
    }
    this.#takeCounted(topic, payload, parts)
  }

  /** PUBREL. */
  release(messageId: number): void {
    const { stream } = this.#client
    const { incoming } = this.#adapter.store
    const ref = this.#ownSession().ref
    if (!incoming.has(ref, messageId)) {
      // [MQTT 5, 3.7.2.1] not known any more is no error after a broken connection, and cannot be told from one
      stream.send(plainAcknowledgement(packetTypes.pubcomp, messageId))
      return
    }
    const answer = () => stream.send(plainAcknowledgement(packetTypes.pubcomp, messageId))
    const forgotten = incoming.forget(ref, messageId)
    if (forgotten === undefined) answer()
    else forgotten.then(answer, () => this.#stop())
  }

  close(): void {
    this.#topics.clear()
  }

  #takeCounted(topic: KnownTopic, payload: Buffer, parts: PublishParts): void {
    const { qos, retain, messageId, properties } = parts
    const session = this.#ownSession()
    const first = qos === 2 ? session.arriving.get(messageId) : undefined
    // [MQTT-4.3.3-10] also while the first one's commit is under way, maybe by an earlier connection: its answer answers both
    const isRepeat = first !== undefined || (qos === 2 && this.#adapter.store.incoming.has(session.ref, messageId))
    const isCounted = qos > 0 && !isRepeat
    if (isCounted && this.#client.version === 5) {
      const open = this.#acknowledgeable + this.#adapter.store.incoming.countOf(session.ref)
      if (open >= this.#adapter.limits.receiveMaximum) throw receiveMaximumExceeded() // [MQTT-3.3.4-7]
    }
    const slot: Slot = {
      qos,
      messageId,
      topic,
      payload,
      retain,
      properties,
      isRepeat,
      arriving: qos === 2 && !isRepeat ? { repeats: [] } : undefined,
      isCounted,
      refused: undefined,
      stage: 'committing',
    }
    this.#slots.push(slot)
    if (isCounted) this.#acknowledgeable++
    this.#bytes += payload.length
    if (this.#slots.length >= maxUnderWay || this.#bytes >= maxUnderWayBytes) this.#fill()
    if (slot.arriving !== undefined) session.arriving.set(messageId, slot.arriving)
    if (first !== undefined) {
      first.repeats.push((refused) => this.#settle(slot, refused))
      return
    }
    if (isRepeat) return this.#settle(slot, undefined)
    const refused = this.#problemOf(slot)
    if (refused !== undefined) {
      recordRefusal(this.#adapter, this.#client, 'publish', refused, topic.name)
      return this.#settle(slot, refused)
    }
    if (topic.platform === undefined) return this.#settle(slot, undefined)
    topic.platform.push(payload, optionsOf(parts), (settled) => this.#settle(slot, settled))
  }

  #settle(slot: Slot, refused: RefusedError | undefined): void {
    slot.refused = refused
    slot.stage = 'settled'
    this.#passOn()
  }

  #passOn(): void {
    for (let slot = this.#slots[this.#passed]; slot?.stage === 'settled'; slot = this.#slots[this.#passed]) {
      this.#passed++
      if (slot.refused === undefined && !slot.isRepeat) this.#pass(slot)
      else this.#finish(slot)
    }
    this.#answerAll()
  }

  #pass(slot: Slot): void {
    const { topic, qos, retain, properties } = slot
    const isSilent = !retain && this.#topics.isSilent(topic)
    let isNow = true
    const settled = (failed: unknown) => {
      if (failed !== undefined) slot.refused = storeUnavailable(failed)
      this.#finish(slot)
      if (!isNow) this.#answerAll()
    }
    slot.stage = 'storing'
    // its identifier is stored with its copies: with one and not the other a repeat would be lost or doubled
    const remember = qos === 2 ? () => this.#remember(slot) : undefined
    if (isSilent) {
      const remembered = remember?.()
      if (remembered === undefined) settled(undefined)
      else remembered.then(() => settled(undefined), settled)
    } else {
      // what is kept longer must not keep all that came in the same read
      const payload = Buffer.from(slot.payload)
      const { name } = this.#ownSession()
      this.#adapter.bus.publish(toMessage(topic.name, payload, qos, retain, properties, name), settled, remember)
    }
    isNow = false
  }

  #remember(slot: Slot): Promise<void> | undefined {
    this.#uncount(slot)
    return this.#adapter.store.incoming.remember(this.#ownSession().ref, slot.messageId)
  }

  #finish(slot: Slot): void {
    slot.stage = 'done'
    if (slot.arriving === undefined) return
    const { arriving } = this.#ownSession()
    if (arriving.get(slot.messageId) === slot.arriving) arriving.delete(slot.messageId)
    for (const repeat of slot.arriving.repeats) repeat(slot.refused)
  }

  #answerAll(): void {
    for (let slot = this.#slots[0]; slot?.stage === 'done' && !this.#isStopped; slot = this.#slots[0]) {
      const { refused } = slot
      if (refused !== undefined && !this.#mayAnswer(slot, refused)) return
      this.#slots.shift()
      this.#passed--
      this.#bytes -= slot.payload.length
      if (slot.qos === 0) continue
      this.#uncount(slot)
      const type = slot.qos === 1 ? packetTypes.puback : packetTypes.pubrec
      if (refused !== undefined) {
        const why = this.#client.wantsReasons ? refused.message : undefined
        this.#client.stream.answer(writeAcknowledgement(type, slot.messageId, pubackCodeOf(refused), why))
      } else if (this.#isUnheard(slot)) {
        this.#client.stream.answer(writeAcknowledgement(type, slot.messageId, reasonCodes.noSubscribers))
      } else this.#client.stream.answer(plainAcknowledgement(type, slot.messageId))
    }
    this.#empty()
  }

  #uncount(slot: Slot): void {
    if (slot.isCounted) this.#acknowledgeable--
    slot.isCounted = false
  }

  /** [MQTT 5, 3.4.2.1] said of topics that the platform does not take either. */
  #isUnheard({ topic, qos }: Slot): boolean {
    return qos === 1 && topic.platform === undefined && this.#client.version === 5 && this.#topics.isSilent(topic)
  }

  /** Contract: v5 is told by reason code, 3.1.1 is closed without an acknowledgement, QoS 0 is dropped and the connection stays. */
  #mayAnswer(slot: Slot, refused: RefusedError): boolean {
    if (slot.qos === 0) return true
    const client = this.#client
    if (refused.reason === 'unavailable') {
      // no answer, and nothing more is read
      this.#stop()
      setTimeout(() => client.end(reasonCodes.serverBusy), this.#adapter.limits.unavailableGraceMs).unref()
      return false
    }
    if (client.version === 5) {
      if (refused.reason !== 'too-large') return true
      this.#stop()
      client.end(reasonCodes.tooLarge)
      return false
    }
    this.#stop()
    if (refused.reason === 'quota') setTimeout(() => client.end(), quotaDelayMs).unref()
    else {
      this.#adapter.throttle.refused(this.#ownSession().name, slot.topic.name, slot.payload)
      client.end()
    }
    return false
  }

  #stop(): void {
    this.#isStopped = true
    this.#client.stream.hold()
  }

  readonly #settleQuietly = (): void => {
    this.#quiet--
    this.#empty()
  }

  #fill(): void {
    if (this.#isFull) return
    this.#isFull = true
    this.#client.wait('publishes')
  }

  #empty(): void {
    if (!this.#isFull || this.#slots.length + this.#quiet > maxUnderWay / 2 || this.#bytes > maxUnderWayBytes / 2)
      return
    this.#isFull = false
    this.#client.goOn('publishes')
  }

  #problemOf({ topic, retain, payload }: Slot): RefusedError | undefined {
    if (topic.problem !== undefined) return topic.problem
    const limit = this.#adapter.limits.maxRetainedPerDevice
    const full =
      retain &&
      payload.length > 0 &&
      this.#adapter.store.retained.wouldExceed(ownerOf(this.#ownSession().name), topic.name, limit)
    return full ? retainedFull(limit) : undefined
  }

  #ownSession(): BrokerSession {
    const session = this.#client.brokerSession
    if (session === undefined) throw storeUnavailable()
    return session
  }
}

function optionsOf({ qos, retain, properties }: { qos: Qos; retain: boolean; properties: Properties | undefined }) {
  const usual = plain[qos]
  return !retain && properties === undefined && usual !== undefined ? usual : publishOptions(qos, retain, properties)
}

export const publishOptions = (qos: Qos, retain: boolean, properties: Properties | undefined): PublishOptions => ({
  qos,
  retain,
  relayedBy: relayName,
  ...(properties === undefined ? {} : { properties }),
  ...(properties?.contentType === undefined ? {} : { contentType: properties.contentType }),
})
