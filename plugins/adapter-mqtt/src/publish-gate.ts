import type { Client } from 'aedes'
import { isRefused, type PublishOptions, type RefusedError, type Topic } from '@patchbay/sdk'
import { answerSafely, recordRefusal, type Adapter } from './adapter.ts'
import { ownerOf, principalOf } from './client-name.ts'
import { endClient, type ClientState } from './client-state.ts'
import { badTopic, notOpen, reservedTopic, retainedFull, stopping, storeUnavailable } from './errors.ts'
import { isOpen } from './login.ts'
import { pubackOf, reasonCodes } from './refusal-words.ts'
import { topicProblem } from './topics.ts'

/** The name under which this adapter relays: what it publishes is not handed to its broker a second time. */
export const relayName = 'mqtt'

/** A device that uses more topics than this has the older ones resolved again. */
const maxTopicsPerConnection = 256
/** A 3.1.1 client over its quota is slowed down before its connection is closed. */
const quotaDelayMs = 1_000

export interface PublishFields {
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  messageId?: number
  clientId?: string
  properties?: { contentType?: string; willDelayInterval?: number }
  /** Set on a stored will; what a client sends has none. */
  brokerId?: string
}

type Callback = (error?: Error | null) => void

/** The commonest options, so that a plain message needs no object of its own. */
const plain: readonly PublishOptions[] = [0, 1, 2].map((qos) =>
  Object.freeze({ qos: qos === 1 ? 1 : qos === 2 ? 2 : 0, relayedBy: relayName }),
)

/** The authorise hook of aedes: the message is durable, or refused, before aedes acknowledges it and passes it on. */
export const createAuthorizePublish =
  (adapter: Adapter) => (client: Client | null, packet: PublishFields, callback: Callback) => {
    const state = client === null ? undefined : adapter.states.get(client)
    // a will has no connection behind it: it comes from one that is gone, or from a broker that has died
    if (packet.brokerId !== undefined) {
      void answerWill(adapter, packet, callback)
      return
    }
    if (state === undefined) return callback(storeUnavailable())
    takePublish(adapter, state, packet, callback)
  }

function takePublish(adapter: Adapter, state: ClientState, packet: PublishFields, callback: Callback): void {
  const place = state.order.take()
  state.underWay++
  adapter.busy.add(state)
  const answer = (refused: RefusedError | undefined) => {
    if (refused === undefined) return place(() => answerSafely(adapter, state, () => callback(null)))
    const told = (error: Error) =>
      place(() => {
        finishOne(adapter, state)
        answerSafely(adapter, state, () => callback(error))
      })
    refuse(adapter, state, packet, refused, told)
  }
  const id = packet.qos === 2 ? packet.messageId : undefined
  if (id !== undefined && isRepeat(adapter, state, packet, id, answer)) return
  const settle = (refused: RefusedError | undefined) => {
    if (refused !== undefined && id !== undefined) endTaking(state, id, refused)
    answer(refused)
  }
  const refused = problemOf(adapter, state, packet)
  if (refused !== undefined) {
    recordRefusal(adapter, state, 'publish', refused, packet.topic)
    return settle(refused)
  }
  // aedes copies it: who published is known to the retained value and to subscribers that want no local messages
  packet.clientId = state.client.id
  if (state.session === undefined) return settle(undefined)
  const bytes = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
  topicOf(state, packet.topic).push(bytes, optionsOf(packet), settle)
}

function finishOne(adapter: Adapter, state: ClientState): void {
  if (--state.underWay <= 0) adapter.busy.delete(state)
}

/**
 * [MQTT-4.3.3-10] A QoS 2 message that comes again before its release is acknowledged again and not taken again. The identifier is
 * looked up before the commit and belongs to the session: one that another session has used says nothing here.
 */
function isRepeat(
  adapter: Adapter,
  state: ClientState,
  packet: PublishFields,
  id: number,
  answer: (refused: RefusedError | undefined) => void,
): boolean {
  const repeated = () => {
    Object.assign(packet, { _repeated: true })
    finishOne(adapter, state)
    answer(undefined)
  }
  if (adapter.store.incoming.has(state.client, id)) {
    repeated()
    return true
  }
  const waiting = state.taking.get(id)
  if (waiting === undefined) {
    state.taking.set(id, [])
    return false
  }
  waiting.push((outcome) => (outcome === 'taken' ? repeated() : answer(outcome)))
  return true
}

function endTaking(state: ClientState, id: number, outcome: RefusedError | 'taken'): void {
  const waiting = state.taking.get(id)
  state.taking.delete(id)
  for (const hear of waiting ?? []) hear(outcome)
}

/** The published hook of aedes: every copy is stored now, so that the identifier may be too, and then the PUBREC goes out. */
export const createPublished = (adapter: Adapter) => (packet: PublishFields, client: Client | null, done: Callback) => {
  const state = client === null ? undefined : adapter.states.get(client)
  const id = packet.messageId
  if (state === undefined || packet.brokerId !== undefined) return done(null)
  if (packet.qos !== 2 || id === undefined) {
    finishOne(adapter, state)
    return done(null)
  }
  void rememberTaken(adapter, state, id, done)
}

async function rememberTaken(adapter: Adapter, state: ClientState, id: number, done: Callback): Promise<void> {
  let failed: Error | null = null
  try {
    await adapter.store.incoming.remember(state.client, id)
    endTaking(state, id, 'taken')
  } catch (error) {
    failed = error instanceof Error ? error : storeUnavailable(error)
  }
  finishOne(adapter, state)
  answerSafely(adapter, state, () => done(failed))
}

function problemOf(adapter: Adapter, state: ClientState, packet: PublishFields): RefusedError | undefined {
  const problem = topicProblem(packet.topic)
  if (problem !== undefined) return badTopic(`The topic ${problem}`)
  if (packet.topic.startsWith('$')) return reservedTopic(packet.topic) // [MQTT-4.7.2-1]
  if (state.session === undefined && !isOpen(adapter, packet.topic)) return notOpen(packet.topic)
  const limit = adapter.limits.maxRetainedPerDevice
  const full =
    packet.retain &&
    packet.payload.length > 0 &&
    adapter.store.retained.wouldExceed(ownerOf(state.client.id), packet.topic, limit)
  return full ? retainedFull(limit) : undefined
}

function topicOf(state: ClientState, name: string): Topic {
  const known = state.topics.get(name)
  if (known !== undefined) return known
  const session = state.session
  if (session === undefined) throw storeUnavailable()
  if (state.topics.size >= maxTopicsPerConnection) state.topics.clear()
  const topic = session.topic(name)
  state.topics.set(name, topic)
  return topic
}

function optionsOf({ qos, retain, properties }: PublishFields): PublishOptions {
  const usual = plain[qos]
  if (!retain && properties === undefined && usual !== undefined) return usual
  return {
    qos,
    retain,
    relayedBy: relayName,
    ...(properties === undefined ? {} : { properties }),
    ...(properties?.contentType === undefined ? {} : { contentType: properties.contentType }),
  }
}

/** Contract: v5 is told by reason code, 3.1.1 is closed without an acknowledgement, QoS 0 is dropped and the connection stays. */
function refuse(
  adapter: Adapter,
  state: ClientState,
  { qos, topic, payload }: PublishFields,
  refused: RefusedError,
  tell: (error: Error) => void,
): void {
  const told = pubackOf(refused)
  if (qos === 0) return tell(told)
  if (refused.reason === 'unavailable') {
    // no answer: the place in the order stays taken, so that aedes reads nothing more
    adapter.busy.delete(state)
    state.guard.hold()
    setTimeout(() => endClient(state, reasonCodes.serverBusy), adapter.limits.unavailableGraceMs).unref()
    return
  }
  if (state.client.version === 5 && refused.reason === 'too-large') return endClient(state, reasonCodes.tooLarge)
  if (state.client.version !== 5 && refused.reason === 'quota') {
    setTimeout(() => tell(told), quotaDelayMs).unref()
    return
  }
  // 3.1.1 has no word for it but the cut: who sends the same again on each connection is kept out for a while
  if (state.client.version !== 5) adapter.throttle.refused(state.client.id, topic, Buffer.from(payload))
  tell(told)
}

async function answerWill(adapter: Adapter, will: PublishFields, callback: Callback): Promise<void> {
  let refused: Error | null = null
  try {
    await publishWill(adapter, will)
  } catch (error) {
    refused = error instanceof Error ? error : storeUnavailable(error)
  }
  try {
    callback(refused)
  } catch (error) {
    adapter.log.error('a will failed', { topic: will.topic, error: String(error) })
  }
}

/** A will is authorised again when it is due, as its device, which may have lost the right or be gone. */
export async function publishWill(adapter: Adapter, will: PublishFields): Promise<void> {
  if (adapter.stopping) throw stopping()
  // [MQTT 5, 3.1.3.2] the delay is the server's business, not the subscribers'
  const { willDelayInterval: _delay, ...properties } = will.properties ?? {}
  if (will.properties !== undefined) will.properties = properties
  const principal = principalOf(will.clientId ?? '')
  if (principal === undefined) {
    if (!isOpen(adapter, will.topic)) throw notOpen(will.topic)
    return
  }
  const bytes = typeof will.payload === 'string' ? Buffer.from(will.payload) : will.payload
  try {
    await adapter.sessions.publishFor(principal, 'mqtt', will.topic, bytes, optionsOf(will))
  } catch (error) {
    if (!isRefused(error)) adapter.log.error('a will failed', { topic: will.topic, error: String(error) })
    throw error
  }
}
