import type { EventEmitter } from 'node:events'
import { Aedes, type Client } from 'aedes'
import type { Broker, Connection, Log, RefusedError, Sessions } from '@patchbay/sdk'
import { recordRefusal, type Adapter, type Limits } from './adapter.ts'
import { fromClientName } from './client-name.ts'
import { endClient, newClientState, type ClientState } from './client-state.ts'
import { malformedPacket, queueFull } from './errors.ts'
import { GuardedConnection } from './guarded-connection.ts'
import { publishLeftWills } from './left-wills.ts'
import { createAuthenticate, createPreConnect } from './login.ts'
import { BrokerStore } from './persistence/broker-store.ts'
import { maxQueuedMessages } from './persistence/outgoing-queues.ts'
import { PlatformDeliveries } from './platform-deliveries.ts'
import { ResendThrottle } from './resend-throttle.ts'
import { createAuthorizePublish, createPublished } from './publish-gate.ts'
import { WireRefusal } from './refusal-words.ts'
import { createRelay } from './relay.ts'
import { createAuthorizeForward, createAuthorizeSubscribe, followPlatform, unfollow } from './subscribe-gate.ts'
import { maxTopicLevels } from './topics.ts'

/** A client that takes nothing at all for this long while its queue is replayed is cut off. */
const drainTimeoutMs = 30_000
/** How long a stop waits for messages whose commit is under way. */
const stopGraceMs = 5_000

export interface MqttBrokerOptions {
  sessions: Sessions
  log: Log
  limits: Limits
  openTopics: readonly string[]
  storePath: string
  durability: 'full' | 'relaxed'
  onStoreFailure: (error: Error) => void
}

export interface MqttBroker {
  readonly relay: Broker
  /** Takes a connection of which nothing has been read. */
  readonly accept: (connection: Connection) => void
  /** Ends kept sessions whose time is over. */
  sweep(): Promise<void>
  close(): Promise<void>
}

/** Makes the broker: aedes with our own door in front, our own store behind, and the platform in its hooks. */
export async function createMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const { sessions, log, limits, openTopics } = options
  const store = await BrokerStore.open({
    path: options.storePath,
    durability: options.durability,
    onFailure: options.onStoreFailure,
    onDropped: (client, topic) => recordDropped(sessions, client, topic),
  })
  const adapter: Adapter = {
    sessions,
    log,
    limits,
    openTopics,
    store,
    states: new WeakMap(),
    busy: new Set(),
    throttle: new ResendThrottle(),
    stopping: false,
  }
  const aedes = new Aedes({
    persistence: store,
    concurrency: 0,
    drainTimeout: drainTimeoutMs,
    connectTimeout: limits.connectTimeoutMs,
    maxClientsIdLength: 65_535,
    maxTopicLevels,
    topicAliasMaximum: 0,
    maximumPacketSize: limits.maxPacketBytes,
    keepaliveLimit: 0,
    sessionExpiryIntervalLimit: limits.maxSessionExpirySeconds,
    preConnect: createPreConnect(adapter),
    authenticate: createAuthenticate(adapter),
    authorizePublish: createAuthorizePublish(adapter),
    authorizeSubscribe: createAuthorizeSubscribe(adapter),
    authorizeForward: createAuthorizeForward(adapter),
    published: createPublished(adapter),
  })
  listen(aedes, adapter)
  await aedes.listen()
  const stopLeftWills = publishLeftWills(adapter, aedes)
  const open = new Set<ClientState>()
  let closed: Promise<void> | undefined
  const close = async () => {
    adapter.stopping = true
    stopLeftWills()
    for (const state of open) if (state.client.connected) state.guard.hold()
    await settled(adapter)
    store.freeze()
    await new Promise<void>((resolve) => aedes.close(resolve))
    for (const state of open) state.guard.destroy()
    await store.destroy()
  }
  return {
    relay: createRelay(aedes, store),
    accept: (connection) => accept(aedes, adapter, open, connection),
    async sweep() {
      for (const client of store.sessions.expired(Date.now())) await store.endSession(client)
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

function accept(aedes: Aedes, adapter: Adapter, open: Set<ClientState>, connection: Connection): void {
  const { limits } = adapter
  const guard = new GuardedConnection(connection.socket, {
    maxPacketBytes: limits.maxPacketBytes,
    connectTimeoutMs: limits.connectTimeoutMs,
    onViolation: (refused, reasonCode) => {
      recordRefusal(adapter, state, state.client.connected ? 'publish' : 'connect', refused)
      endClient(state, reasonCode)
    },
    onPuback: (messageId, reasonCode) => deliveries.acknowledge(messageId, reasonCode),
  })
  const client = aedes.handle(guard)
  const deliveries = new PlatformDeliveries(client, guard)
  const state = newClientState(client, guard, connection, deliveries)
  client.idInUse = (id) => deliveries.isInUse(id) || adapter.store.outgoing.isInUse(client.id, id)
  adapter.states.set(client, state)
  open.add(state)
  guard.once('close', () => {
    state.closed = true
    open.delete(state)
    adapter.busy.delete(state)
    deliveries.close()
    state.topics.clear()
    for (const { platform } of state.filters.values()) platform?.close()
    state.session?.close()
  })
}

function listen(aedes: Aedes, adapter: Adapter): void {
  const { states, store, log } = adapter
  const stateOf = (client: Client | null) => (client === null ? undefined : states.get(client))
  // a store that fails is told by the store itself; a broker event must not end the process
  const events: EventEmitter = aedes
  events.on('error', (error: Error) => log.warn('the broker reports', { error: error.message }))
  const hearError = (client: Client, error: Error) => {
    const state = stateOf(client)
    if (state === undefined || error instanceof WireRefusal) return
    log.debug('a client’s connection failed', { address: state.connection.address, error: error.message })
    if (isProtocolError(error)) {
      recordRefusal(adapter, state, state.client.connected ? 'publish' : 'connect', malformedPacket(error.message))
    }
  }
  aedes.on('clientError', hearError)
  aedes.on('connectionError', hearError)
  aedes.on('connackSent', (_packet, client) => setImmediate(() => stateOf(client)?.guard.admit()))
  aedes.on('ping', (_packet, client) => stateOf(client)?.session?.alive())
  aedes.on('clientReady', (client) => {
    const state = stateOf(client)
    if (state === undefined) return
    state.kept = !client.clean
    if (state.kept) store.sessions.connected(client.id, keepSecondsOf(adapter, client))
    for (const filter of state.filters.keys()) followPlatform(adapter, state, filter)
  })
  aedes.on('clientDisconnect', (client) => {
    const state = stateOf(client)
    if (state === undefined || adapter.stopping || !state.kept) return
    if (!client.clean) store.sessions.left(client.id, keepSecondsOf(adapter, client), Date.now())
    else store.endSession(client.id).catch((error: unknown) => log.warn('a session stays', { error: String(error) }))
  })
  aedes.on('subscribe', (subscriptions, client) => {
    const state = stateOf(client)
    if (state === undefined) return
    // [MQTT-3.9.3] codes from 0x80 are refusals
    for (const { topic, qos } of subscriptions) if (qos < 0x80) followPlatform(adapter, state, topic)
  })
  aedes.on('unsubscribe', (filters, client) => {
    const state = stateOf(client)
    if (state !== undefined) for (const filter of filters) unfollow(state, filter)
  })
}

const keepSecondsOf = ({ limits }: Adapter, client: Client) =>
  Math.min(client.sessionExpiryInterval, limits.maxSessionExpirySeconds)

/** Errors that come from what the client has sent, not from its network. */
const isProtocolError = (error: Error) => !('code' in error) && !/keep alive|closed|drain|in time/i.test(error.message)

function recordDropped(sessions: Sessions, client: string, topic: string): void {
  const parts = fromClientName(client)
  const refused: RefusedError = queueFull(maxQueuedMessages)
  sessions.refuse(
    { protocol: 'mqtt', address: '', clientId: parts?.clientId ?? client },
    { action: 'receive', topic, refused, ...(parts?.space === 'device' ? { device: parts.id } : {}) },
  )
}

async function settled(adapter: Adapter): Promise<void> {
  const until = Date.now() + stopGraceMs
  while (adapter.busy.size > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setImmediate(resolve)) // the last acknowledgements are written
}
