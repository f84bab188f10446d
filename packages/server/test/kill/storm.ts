import { setTimeout as wait } from 'node:timers/promises'
import type { IPublishPacket } from 'mqtt-packet'
import { createApi, createDevice, readAll } from '../harness/api.ts'
import { type KeptSession, type KeptSessionOptions, openKeptSession } from '../harness/kept-session.ts'
import { telemetryOf } from '../harness/mqtt-load.ts'
import { createRandom } from '../harness/random.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'

export interface StormPlan {
  devices: number
  seconds: number
  kills: number
  /** Messages a second of all devices together. */
  perSecond: number
  /** How long everything may take to arrive once nobody is cut any more. */
  settleMs: number
}

export interface StormFigures {
  published: number
  acknowledged: number
  /** Acknowledged and not in the store. */
  missingInStore: number
  /** Acknowledged and not seen, over all subscribers. */
  missingAtSubscribers: number
  /** QoS 2 all the way, seen twice by a subscriber. */
  doubledAtQos2: number
  /** First sight of a message after a later one of the same topic. */
  outOfOrder: number
  /** The same over all topics of a device. */
  outOfOrderOfDevice: number
  cuts: number
  faults: string[]
  /** What had not arrived when the time was over. */
  stalled: string[]
}

/** Published and unanswered, for one device. */
const window = 8
/** Messages that a device sends one right after the other. */
const burst = 8
const tickMs = 10
const lookEveryMs = 50
/** Of the bursts, those after which the device is gone: what it sent is being stored when it comes back and sends it again. */
const cutAfterBurst = 0.2
const telemetry = 0
const events = 1
type Kind = typeof telemetry | typeof events
const topicOf = (device: string, kind: Kind): string =>
  `devices/${device}/${kind === telemetry ? 'telemetry' : 'events'}`
/** Three of four are telemetry, which is stored; the fourth is a message for subscribers only. */
const kindOf = (n: number): Kind => (n % 4 === 3 ? events : telemetry)

interface Publisher {
  id: string
  qos: 1 | 2
  session: KeptSession
  next: number
  acked: Set<number>
}

/** What one subscriber has seen: for each device the numbers in the order of their first sight, and how often each came. */
class Seen {
  readonly counts = new Map<string, Map<number, number>>()
  readonly newest = new Map<string, [number, number]>()
  outOfOrder = 0
  outOfOrderOfDevice = 0

  readonly take = ({ topic, payload }: IPublishPacket): void => {
    const [, device = '', last] = topic.split('/')
    const body = JSON.parse(String(payload))
    const n: number = body.n ?? body.values.n
    const counts = this.counts.get(device) ?? new Map<number, number>()
    this.counts.set(device, counts)
    const before = counts.get(n) ?? 0
    counts.set(n, before + 1)
    if (before > 0) return
    const newest = this.newest.get(device) ?? [-1, -1]
    this.newest.set(device, newest)
    const kind = last === 'telemetry' ? telemetry : events
    if (n < newest[kind]) this.outOfOrder++
    if (n < newest[0] || n < newest[1]) this.outOfOrderOfDevice++
    newest[kind] = Math.max(newest[kind], n)
  }
  has = (device: string, n: number): boolean => this.counts.get(device)?.has(n) ?? false
}

interface Subscriber {
  qos: 1 | 2
  seen: Seen
  session: KeptSession
}

/** Every connection is cut again and again and the server killed, while devices publish and kept sessions listen. */
export const runStorm = async (plan: StormPlan): Promise<StormFigures> => {
  const random = createRandom('storm')
  const below = (most: number): number => Math.floor(random.next() * most)
  const data = await makeDataFolder()
  const baseMs = Date.now() - 86_400_000
  let server: ServerProcess | undefined = await startServer({ data: data.path })
  const sessions: KeptSession[] = []
  const open = (options: Omit<KeptSessionOptions, 'port' | 'pauseMs'>): KeptSession => {
    const session = openKeptSession({
      ...options,
      port: () => server?.port,
      pauseMs: () => Math.max(0, below(80) - 40),
    })
    sessions.push(session)
    return session
  }

  try {
    const api = createApi(server.url)
    const publishers: Publisher[] = []
    for (let i = 0; i < plan.devices; i++) {
      const { id, secret } = await createDevice(api, `storm-${i}`)
      const acked = new Set<number>()
      const version = i % 4 < 2 ? 5 : 4
      const session = open({ version, name: `out-${i}`, username: id, password: secret, onAcked: (n) => acked.add(n) })
      publishers.push({ id, qos: i % 2 === 0 ? 1 : 2, session, next: 0, acked })
    }
    const subscribers: Subscriber[] = []
    const listen = (who: { username: string; password: string }, version: 4 | 5, qos: 1 | 2): void => {
      const seen = new Seen()
      const session = open({
        ...who,
        version,
        name: `in-${subscribers.length}`,
        subscribe: { filters: [topicOf('+', telemetry), topicOf('+', events)], qos },
        ...(version === 5 ? { receiveMaximum: 50 } : {}),
        onMessage: seen.take,
      })
      subscribers.push({ qos, seen, session })
    }
    const { body } = await api.post('/api/v1/api-keys', { name: 'listeners', subscribe: ['devices/#'] })
    const application = { username: 'key', password: body.key as string }
    for (const version of [4, 5] as const) for (const qos of [1, 2] as const) listen(application, version, qos)
    const watcher = await createDevice(api, 'watcher')
    for (const kind of [telemetry, events] as const) {
      await api.post('/api/v1/access/rules', {
        effect: 'allow',
        actions: ['subscribe'],
        filter: topicOf('+', kind),
        scope: { devices: [watcher.id] },
      })
    }
    for (const version of [4, 5] as const) listen({ username: watcher.id, password: watcher.secret }, version, 2)
    const allOpen = async (): Promise<boolean> => until(() => sessions.every(({ isOpen }) => isOpen), plan.settleMs)
    if (!(await allOpen())) throw new Error(`not connected: ${stateOf(sessions.filter(({ isOpen }) => !isOpen))}`)

    let published = 0
    const publish = (publisher: Publisher): void => {
      const n = publisher.next++
      const kind = kindOf(n)
      const payload = kind === telemetry ? telemetryOf(baseMs, n) : JSON.stringify({ n })
      published++
      publisher.session.publish({ topic: topicOf(publisher.id, kind), payload, qos: publisher.qos, n })
    }
    let cuts = 0
    const cut = (session: KeptSession): void => {
      cuts++
      session.cut(random.next() < 0.5)
    }
    let turn = 0
    let due = 0
    let last = performance.now()
    const load = setInterval(() => {
      due = Math.min(plan.perSecond / 2, due + ((performance.now() - last) / 1000) * plan.perSecond)
      last = performance.now()
      for (let tries = plan.devices; due >= burst && tries > 0; tries--) {
        const publisher = publishers[turn++ % publishers.length]!
        if (publisher.session.unanswered > window - burst) continue
        for (let i = 0; i < burst; i++) publish(publisher)
        if (random.next() < cutAfterBurst) cut(publisher.session)
        due -= burst
      }
    }, tickMs)

    const cutSoon = async (session: KeptSession): Promise<void> => {
      await wait(below(1000))
      cut(session)
    }
    // A kill falls somewhere into its share of the time, counted from when the server is up.
    const shareMs = (plan.seconds * 1000) / plan.kills
    const progress = { isKilling: true }
    const kills = (async () => {
      for (let kill = 0; kill < plan.kills; kill++) {
        await wait(shareMs * (0.2 + 0.7 * random.next()))
        const dying = server
        server = undefined
        await dying?.kill()
        server = await startServer({ data: data.path })
      }
      await wait(shareMs * 0.2)
    })().finally(() => (progress.isKilling = false))
    for (let second = 0; second < plan.seconds || progress.isKilling; second++) {
      await Promise.all([wait(1000), ...subscribers.map(({ session }) => cutSoon(session))])
    }
    await kills
    clearInterval(load)

    const isSeen = ({ id, acked }: Publisher): boolean =>
      subscribers.every(({ seen }) => [...acked].every((n) => seen.has(id, n)))
    const isSettled = (): boolean => publishers.every((one) => one.session.unanswered === 0 && isSeen(one))
    let settled = await until(isSettled, plan.settleMs)
    if (settled) {
      // What would come twice comes at the latest before a message that is sent now.
      for (const { session } of subscribers) cut(session)
      if (!(await allOpen())) throw new Error(`not back: ${stateOf(sessions.filter(({ isOpen }) => !isOpen))}`)
      for (const publisher of publishers)
        for (const kind of [telemetry, events]) {
          while (kindOf(publisher.next) !== kind) publisher.next++
          publish(publisher)
        }
      settled = await until(isSettled, plan.settleMs)
    }
    const stalled = settled
      ? []
      : [
          ...publishers.filter(({ session }) => session.unanswered > 0).map(({ session }) => session.state()),
          ...subscribers.map(({ session }) => session.state()),
        ]

    const rest = createApi(server?.url ?? '')
    let missingInStore = 0
    for (const { id, acked } of publishers) {
      const stored = new Set((await readAll(rest, id, 'n')).map(({ value }) => value))
      for (const n of acked) if (kindOf(n) === telemetry && !stored.has(n)) missingInStore++
    }
    let missingAtSubscribers = 0
    let doubledAtQos2 = 0
    for (const { qos, seen } of subscribers) {
      for (const publisher of publishers) {
        for (const n of publisher.acked) if (!seen.has(publisher.id, n)) missingAtSubscribers++
        if (qos < 2 || publisher.qos < 2) continue
        for (const count of seen.counts.get(publisher.id)?.values() ?? []) doubledAtQos2 += count - 1
      }
    }
    const sum = <T>(list: readonly T[], of: (one: T) => number): number => list.reduce((all, one) => all + of(one), 0)
    const figures: StormFigures = {
      published,
      acknowledged: sum(publishers, ({ acked }) => acked.size),
      missingInStore,
      missingAtSubscribers,
      doubledAtQos2,
      outOfOrder: sum(subscribers, ({ seen }) => seen.outOfOrder),
      outOfOrderOfDevice: sum(subscribers, ({ seen }) => seen.outOfOrderOfDevice),
      cuts,
      faults: sessions.flatMap(({ name, faults }) => counted(faults).map((fault) => `${name}: ${fault}`)),
      stalled,
    }
    const { faults, stalled: waiting, ...counts } = figures
    console.log(`storm: seed ${random.seed}, ${plan.seconds} s, ${plan.kills} × kill -9, ${JSON.stringify(counts)}`)
    for (const line of [...faults, ...waiting].slice(0, 20)) console.log(`storm: ${line}`)
    return figures
  } finally {
    for (const session of sessions) session.end()
    await server?.kill()
    await data.remove()
  }
}

/** The same fault over and over is one line. */
const counted = (faults: readonly string[]): string[] =>
  [...Map.groupBy(faults, (fault) => fault)].map(([fault, all]) => `${fault} (${all.length} ×)`)

const stateOf = (sessions: readonly KeptSession[]): string =>
  sessions.map((session) => `${session.state()} ${session.faults.join(', ')}`).join('; ')

/** Answers whether it came true within the time. */
async function until(isTrue: () => boolean, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end;) {
    if (isTrue()) return true
    await wait(lookEveryMs)
  }
  return isTrue()
}
