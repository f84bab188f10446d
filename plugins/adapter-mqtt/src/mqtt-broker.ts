import type { Broker, Connection, Log, SharedRedis, Sessions } from '@patchbay/sdk'
import type { Adapter, Limits } from './adapter.ts'
import { Bus } from './bus.ts'
import { Client } from './client.ts'
import { BrokerStore, type Left } from './persistence/broker-store.ts'
import { reasonCodes } from './refusal-words.ts'
import { createRelay } from './relay.ts'
import { ResendThrottle } from './resend-throttle.ts'
import { Router } from './router.ts'
import { newSession } from './session-resumption.ts'
import type { SharedNode, SharedNodeOptions } from './nodes/shared-node.ts'
import { Wills } from './wills.ts'
import { splitFilter } from './wire/subscription.ts'

/** How long a stop waits for messages whose commit is under way. */
const stopGraceMs = 5_000
const keepAliveCheckMs = 500

export interface MqttBrokerOptions {
  sessions: Sessions
  log: Log
  limits: Limits
  openTopics: readonly string[]
  storePath: string
  /** Sessions, queues, retained values and wills are there, for all nodes, and not in the file. */
  redis: SharedRedis | undefined
  onGone: () => void
  onRedis: (state: 'ready' | 'away') => void
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

/** Makes the broker: strict packets in, the platform's commit in the middle, sessions and their queues out. */
export async function createMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const { adapter, shared } = await open(options)
  const { store, router, wills, clients } = adapter
  // shared ones are taken over when this node joins
  if (shared === undefined) wills.resume()
  const keepAlive = setInterval(() => {
    const nowMs = Date.now()
    for (const client of clients) client.checkKeepAlive(nowMs)
  }, keepAliveCheckMs).unref()
  let closed: Promise<void> | undefined
  const close = async () => {
    adapter.stopping = true
    clearInterval(keepAlive)
    for (const client of clients) if (client.connected) client.stream.hold()
    await settled(adapter)
    wills.stop()
    for (const client of clients) client.end(reasonCodes.shuttingDown)
    await adapter.bus.close()
    await store.close()
  }
  return {
    relay: createRelay(adapter),
    accept: (connection) => {
      if (adapter.stopping) connection.socket.destroy()
      else clients.add(new Client(adapter, connection))
    },
    async sweep() {
      for (const name of store.sessions.expired(Date.now())) {
        const session = router.sessions.get(name)
        if (session?.client !== undefined) continue
        await wills.hurry(name)
        if (session !== undefined) await router.end(session)
        else if (shared !== undefined) await store.writer.shared?.expire(name, Date.now())
        else await store.endSession(name)
      }
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

async function open(options: MqttBrokerOptions): Promise<{ adapter: Adapter; shared: SharedNode | undefined }> {
  const { sessions, log, limits, openTopics, redis, onGone, onRedis: onState } = options
  const { storePath: path, durability, onStoreFailure: onFailure } = options
  const shared = redis === undefined ? undefined : await newSharedNode({ redis, log, onGone, onState })
  const { store, left } =
    shared === undefined
      ? await BrokerStore.open({ path, durability, onFailure })
      : { store: new BrokerStore(shared.writer, () => shared.close()), left: nothingLeft }
  const router = new Router(store)
  const bus = await Bus.open({
    retain: (message) => store.retained.store(message),
    hear: (message) => router.publish(message),
  })
  const wills = new Wills({ stored: store.wills, bus, sessions, log, openTopics, graceMs: limits.willGraceMs })
  const throttle = new ResendThrottle()
  const clients = new Set<Client>()
  const adapter: Adapter = {
    sessions,
    log,
    limits,
    openTopics,
    store,
    router,
    bus,
    wills,
    throttle,
    clients,
    shared,
    stopping: false,
  }
  restore(adapter, left)
  try {
    await shared?.join(adapter)
  } catch (error) {
    await shared?.close()
    throw error
  }
  return { adapter, shared }
}

const nothingLeft: Left = { subscriptions: [], outgoing: [] }

/** Only who shares pays for it. */
async function newSharedNode(options: SharedNodeOptions): Promise<SharedNode> {
  const { SharedNode: Node } = await import('./nodes/shared-node.ts')
  return new Node(options)
}

/** Kept sessions are there before their clients are: messages find them. */
function restore(adapter: Adapter, { subscriptions, outgoing }: Left): void {
  const { router, store } = adapter
  for (const name of store.sessions.names()) newSession(adapter, name).durable = true
  for (const { client, stored } of subscriptions) {
    const session = router.sessions.get(client)
    if (session !== undefined)
      router.subscribe({ ...stored, ...splitFilter(stored.name), session, platform: undefined })
  }
  for (const { client, stored } of outgoing) router.sessions.get(client)?.outbound.load(stored)
}

async function settled({ clients }: Adapter): Promise<void> {
  const until = Date.now() + stopGraceMs
  const isBusy = () => Array.from(clients).some(({ publishes }) => publishes.underWay > 0)
  while (isBusy() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setImmediate(resolve)) // the last acknowledgements are written
}
