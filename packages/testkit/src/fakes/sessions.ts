import type {
  AdapterRefusal,
  Broker,
  Delivery,
  EndReason,
  Peer,
  PublishOptions,
  Session,
  Sessions,
  TakenCommand,
} from '@patchbay/contracts/session'
import { type RefusedError, Refused, type Decision } from '@patchbay/sdk'
import { deviceOf, isKnown } from './known-peer.ts'

/** One message that a session published. It waits until the test settles it, unless the fake settles by itself. */
export interface FakePublish {
  session: string
  topic: string
  bytes: Uint8Array
  how: PublishOptions
  readonly settled: boolean
  /** Durable, or refused. */
  settle(refused?: RefusedError): void
}

export interface FakeSession extends Session {
  readonly peer: Peer
  readonly subscriptions: readonly string[]
  readonly closed: boolean
  readonly aliveCalls: number
  /** Sends down, as the platform does; the promise is the adapter's acknowledgement. */
  send(message: { topic: string; bytes: Uint8Array | string; qos?: 0 | 1 | 2; retain?: boolean }): Promise<void>
  end(why: EndReason): void
  /** Queues a command for `takeCommands`. */
  queueCommand(command: TakenCommand): void
  desired: { delta: Record<string, unknown>; version: number }
}

export interface FakeSessionsOptions {
  /** Devices and their secrets; without it every credential is good. */
  devices?: Record<string, string>
  /** Messages are durable at once. On by default. */
  autoSettle?: boolean
  /** Is asked before a publish or subscribe: a refusal, or undefined = allowed. */
  decide?: (action: 'publish' | 'subscribe', topic: string, device: string) => RefusedError | undefined
}

/** The platform as an adapter sees it, without the platform. */
export interface FakeSessions extends Sessions {
  readonly opened: readonly FakeSession[]
  readonly published: readonly FakePublish[]
  readonly refusals: readonly (AdapterRefusal & { protocol: string })[]
  readonly brokers: ReadonlyMap<string, Broker>
  readonly wills: readonly { device: string; topic: string; bytes: Uint8Array }[]
  autoSettle: boolean
  /** A device's secret is its pre-shared key here, too. */
  preSharedKeys(device: string): Promise<readonly Uint8Array[]>
}

const levelsMatch = (filter: readonly string[], topic: readonly string[]): boolean => {
  const [level, ...rest] = filter
  if (level === '#') return true
  if (level === undefined || topic.length === 0) return level === undefined && topic.length === 0
  return (level === '+' || level === topic[0]) && levelsMatch(rest, topic.slice(1))
}

/** MQTT 3.1.1 section 4.7. */
const matches = (filter: string, topic: string): boolean => levelsMatch(filter.split('/'), topic.split('/'))

interface Inside {
  options: FakeSessionsOptions
  decide(action: 'publish' | 'subscribe', topic: string, device: string): RefusedError | undefined
  publish(session: string, topic: string, bytes: Uint8Array, how: PublishOptions): Promise<void>
}

function createFakeSession(id: string, peer: Peer, inside: Inside): FakeSession {
  const device =
    Object.entries(inside.options.devices ?? {}).find(
      ([, secret]) => peer.credentials.kind === 'bearer' && secret === peer.credentials.secret,
    )?.[0] ?? deviceOf(peer).id
  const subscribed = new Set<{ filter: string; deliver: (message: Delivery) => void | Promise<void> }>()
  const endHearers: ((why: EndReason) => void)[] = []
  const commands: TakenCommand[] = []
  let wake: () => void = () => undefined
  let closed = false
  let aliveCalls = 0

  const may = (action: 'publish' | 'subscribe', topic: string): Decision => {
    const refused = inside.decide(action, topic, device)
    return refused
      ? { allowed: false, step: refused.step, detail: refused.message }
      : { allowed: true, step: 'built-in', detail: 'allowed' }
  }
  return {
    id,
    peer,
    principal: { kind: 'device', id: device },
    desired: { delta: {}, version: 0 },
    get subscriptions() {
      return [...subscribed].map(({ filter }) => filter)
    },
    get closed() {
      return closed
    },
    get aliveCalls() {
      return aliveCalls
    },
    async publish(topic, bytes, how = {}) {
      const refused = inside.decide('publish', topic, device)
      if (refused) throw refused
      await inside.publish(id, topic, bytes, how)
    },
    topic(name) {
      const refused = inside.decide('publish', name, device)
      return {
        name,
        push(bytes, how, settle) {
          if (refused) return queueMicrotask(() => settle(refused))
          inside.publish(id, name, bytes, how).then(
            () => settle(undefined),
            (error: unknown) => settle(error instanceof Refused ? error : unavailable(error)),
          )
        },
      }
    },
    may,
    authorize: async (action, topic) => may(action, topic),
    async subscribe(filter, deliver) {
      const refused = inside.decide('subscribe', filter, device)
      if (refused) throw refused
      const subscription = { filter, deliver }
      subscribed.add(subscription)
      return { filter, close: () => void subscribed.delete(subscription) }
    },
    async takeCommands({ waitMs, signal }) {
      if (commands.length === 0 && waitMs > 0 && !signal.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs)
          const stop = (): void => {
            clearTimeout(timer)
            signal.removeEventListener('abort', stop)
            resolve()
          }
          signal.addEventListener('abort', stop)
          wake = stop
        })
      return commands.splice(0)
    },
    async desiredShadow() {
      return this.desired
    },
    async provision(bytes, how = {}) {
      await this.publish('provision/request', bytes, how)
      return Buffer.from('{}')
    },
    alive: () => void (aliveCalls += 1),
    onEnd: (hear) => void endHearers.push(hear),
    close() {
      closed = true
      subscribed.clear()
    },
    async send({ topic, bytes, qos = 0, retain = false }) {
      const message: Delivery = { topic, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, qos, retain }
      await Promise.all(
        [...subscribed].filter(({ filter }) => matches(filter, topic)).map(async ({ deliver }) => deliver(message)),
      )
    },
    end(why) {
      for (const hear of endHearers.splice(0)) hear(why)
    },
    queueCommand(command) {
      commands.push(command)
      wake()
    },
  }
}

const unavailable = (cause: unknown): Refused =>
  new Refused('unavailable', 'STORE_UNAVAILABLE', 'store', 'The store cannot take this now.', { cause })

export function createFakeSessions(options: FakeSessionsOptions = {}): FakeSessions {
  const opened: FakeSession[] = []
  const published: FakePublish[] = []
  const refusals: (AdapterRefusal & { protocol: string })[] = []
  const brokers = new Map<string, Broker>()
  const wills: { device: string; topic: string; bytes: Uint8Array }[] = []

  const publish = (session: string, topic: string, bytes: Uint8Array, how: PublishOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      let settled = false
      const made: FakePublish = {
        session,
        topic,
        // The caller may use its buffer again.
        bytes: Uint8Array.from(bytes),
        how,
        get settled() {
          return settled
        },
        settle(refused) {
          settled = true
          if (refused) reject(refused)
          else resolve()
        },
      }
      published.push(made)
      if (fake.autoSettle) made.settle()
    })
  const inside: Inside = {
    options,
    decide: (action, topic, device) => options.decide?.(action, topic, device),
    publish,
  }

  const fake: FakeSessions = {
    opened,
    published,
    refusals,
    brokers,
    wills,
    autoSettle: options.autoSettle ?? true,
    async preSharedKeys(device) {
      const secret = options.devices?.[device]
      return secret === undefined ? [] : [Buffer.from(secret)]
    },
    async open(peer) {
      if (!isKnown(options.devices, peer))
        throw new Refused('credentials', 'CREDENTIALS_WRONG', 'credentials', 'The secret is wrong or missing.')
      const session = createFakeSession(`session-${opened.length + 1}`, peer, inside)
      opened.push(session)
      return session
    },
    refuse: (peer, refusal) => void refusals.push({ ...refusal, protocol: peer.protocol }),
    async publishFor(principal, _protocol, topic, bytes, how = {}) {
      const refused = inside.decide('publish', topic, principal.id)
      if (refused) throw refused
      wills.push({ device: principal.id, topic, bytes: Uint8Array.from(bytes) })
      await publish(`for ${principal.id}`, topic, bytes, how)
    },
    relay: (name, broker) => void brokers.set(name, broker),
  }
  return fake
}
