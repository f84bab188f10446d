import type {
  Accepted,
  AdapterRefusal,
  Broker,
  Decision,
  Delivery,
  EndReason,
  Peer,
  PublishOptions,
  RefusedError,
  Session,
  Sessions,
  Settle,
} from '@patchbay/sdk'
import { Refused } from '@patchbay/sdk'
import { matchesFilter } from '../src/topics.ts'

export interface Published {
  from: string
  topic: string
  text: string
  how: PublishOptions
}

interface FakeSession extends Session {
  clientId: string
  end(why: EndReason): void
  subscriptions: Set<{ filter: string; deliver: (message: Delivery) => void | Promise<void> }>
}

/** The platform's side of the contract with its real rights: `devices/{id}/#` both ways, `sensors/{id}/+` to publish. */
export class FakePlatform implements Sessions {
  readonly devices = new Map([
    ['a', 'secret-a'],
    ['b', 'secret-b'],
  ])
  readonly banned = new Set<string>()
  readonly published: Published[] = []
  readonly refusals: { peer: Parameters<Sessions['refuse']>[0]; refusal: AdapterRefusal }[] = []
  readonly open_: FakeSession[] = []
  readonly extra: { action: string; filter: string }[] = []
  broker: Broker | undefined
  /** While set, settles wait here. */
  held: (() => void)[] | undefined
  refuseWith: RefusedError | undefined
  pings = 0

  async open(peer: Peer): Promise<Session> {
    const { credentials } = peer
    if (credentials.kind !== 'password')
      throw new Refused('credentials', 'CREDENTIALS', 'credentials', 'No credentials')
    if (this.devices.get(credentials.username) !== credentials.password) {
      throw new Refused('credentials', 'CREDENTIALS', 'credentials', 'Unknown device or wrong secret')
    }
    if (this.banned.has(credentials.username)) throw new Refused('banned', 'BANNED', 'credentials', 'Revoked')
    const twin = this.open_.find((s) => s.principal.id === credentials.username && s.clientId === peer.clientId)
    twin?.end('taken-over')
    const session = this.#session(credentials.username, peer.clientId ?? '')
    this.open_.push(session)
    return session
  }

  refuse(peer: Parameters<Sessions['refuse']>[0], refusal: AdapterRefusal): void {
    this.refusals.push({ peer, refusal })
  }

  async publishFor(
    principal: Session['principal'],
    _protocol: string,
    topic: string,
    bytes: Uint8Array,
    how: PublishOptions = {},
  ): Promise<void> {
    const decision = this.decide(principal.id, 'publish', topic)
    if (!decision.allowed || !this.devices.has(principal.id)) throw forbidden(topic)
    this.published.push({ from: principal.id, topic, text: Buffer.from(bytes).toString(), how })
  }

  relay(_name: string, broker: Broker): void {
    this.broker = broker
  }

  /** What the platform sends by itself; resolves as the adapter's promise does. */
  async send(device: string, message: Delivery): Promise<void> {
    const found = this.open_
      .filter((session) => session.principal.id === device)
      .flatMap((session) => [...session.subscriptions].filter(({ filter }) => matchesFilter(filter, message.topic)))
    if (found.length === 0) throw new Error('nobody listens')
    await Promise.all(found.map(({ deliver }) => deliver(message)))
  }

  async relayIn(message: Partial<Accepted> & { topic: string; text: string }): Promise<void> {
    await this.broker?.deliver({
      bytes: Buffer.from(message.text),
      qos: 1,
      retain: false,
      from: 'a',
      protocol: 'http',
      ...message,
    })
  }

  decide(device: string, action: 'publish' | 'subscribe', topic: string): Decision {
    const built = [`devices/${device}/#`, ...(action === 'publish' ? [`sensors/${device}/+`] : [])]
    if (built.some((filter) => matchesFilter(filter, topic))) return { allowed: true, step: 'built-in', detail: 'own' }
    const rule = this.extra.find((one) => one.action === action && matchesFilter(one.filter, topic))
    if (rule !== undefined) return { allowed: true, step: 'rule', rule: 'extra', detail: 'rule' }
    return { allowed: false, step: 'default', detail: `${device} may not ${action} ${topic}` }
  }

  #session(device: string, clientId: string): FakeSession {
    let hear: (why: EndReason) => void = () => undefined
    const remove = () => {
      const at = this.open_.indexOf(session)
      if (at >= 0) this.open_.splice(at, 1)
    }
    const push = (topic: string, bytes: Uint8Array, how: PublishOptions, settle: Settle) => {
      const decision = this.decide(device, 'publish', topic)
      const refused = decision.allowed ? this.refuseWith : forbidden(topic)
      const text = Buffer.from(bytes).toString()
      const finish = () => {
        if (refused === undefined) this.published.push({ from: device, topic, text, how })
        settle(refused)
      }
      if (this.held !== undefined) this.held.push(finish)
      else setImmediate(finish)
    }
    const session: FakeSession = {
      id: `${device}/${clientId}/${Math.random()}`,
      clientId,
      principal: { kind: 'device', id: device },
      subscriptions: new Set(),
      publish: (topic, bytes, how = {}) =>
        new Promise((resolve, reject) => push(topic, bytes, how, (refused) => (refused ? reject(refused) : resolve()))),
      topic: (name) => ({ name, push: (bytes, how, settle) => push(name, bytes, how, settle) }),
      may: (action, topic) => this.decide(device, action, topic),
      authorize: async (action, topic) => this.decide(device, action, topic),
      subscribe: async (filter, deliver) => {
        const entry = { filter, deliver }
        session.subscriptions.add(entry)
        return { filter, close: () => void session.subscriptions.delete(entry) }
      },
      takeCommands: async () => [],
      desiredShadow: async () => ({ delta: {}, version: 0 }),
      provision: () => Promise.reject(new Error('not used')),
      alive: () => {
        this.pings++
      },
      onEnd: (listener) => {
        hear = listener
      },
      close: remove,
      end: (why) => {
        remove()
        hear(why)
      },
    }
    return session
  }
}

const forbidden = (topic: string) => new Refused('forbidden', 'TOPIC_FORBIDDEN', 'default', `${topic} is foreign`)
