import type { Decision } from '@patchbay/contracts/access'
import type {
  Delivery,
  EndReason,
  Peer,
  PublishOptions,
  RefusedError,
  Session,
  Subscription,
  TakenCommand,
  Topic,
} from '@patchbay/contracts/session'
import type { Qos } from '@patchbay/contracts/message'
import { matches, toPlainFilter } from '../access/filter.ts'
import { toRefusal } from '../access/authoriser.ts'
import type { Subject } from '../access/port.ts'
import type { Authenticated, TypeRecord } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import type { DeviceIngest } from '../ingest/device-ingest.ts'
import { isRefused } from '../refused.ts'
import { topics } from '../topic.ts'
import { sessionLimits } from './limits.ts'
import { parsePayload } from './payload.ts'
import { toNewRefusal, type Publisher } from './publisher.ts'
import type { SessionContext } from './session-context.ts'
import type { Subscriber } from './subscriber.ts'
import { TopicHandle } from './topic-handle.ts'

/** A device or application that has proved who it is. A class, since ten thousand of them must be small. */
export class LiveSession implements Session, Publisher {
  readonly id: string
  readonly principal: Session['principal']
  /** Whose session it counts as: the principal, or the provisioning key that many devices may come with. */
  readonly owner: Session['principal']
  readonly protocol: string
  readonly address: string
  readonly clientId: string | undefined
  readonly credential: string
  /** One request, not a connection. */
  readonly request: boolean
  readonly sinceMicros: number
  /** Replaced when the device changes: the authoriser takes subjects as values. */
  subject: Subject
  type: TypeRecord | undefined
  ended = false
  /** Takes back the end that an access provider has set. */
  cancelExpiry: (() => void) | undefined
  readonly subscriptions = new Set<Subscriber>()
  private readonly context: SessionContext
  /** Made with the first topic: most connections that only wait for commands never have one. */
  private known: Map<string, TopicHandle> | undefined
  private ingests: Map<string, DeviceIngest> | undefined
  private hearers: ((why: EndReason) => void)[] = []
  private why: EndReason | undefined

  constructor(context: SessionContext, who: Authenticated, peer: Peer, id: string) {
    this.context = context
    this.id = id
    this.subject = who.subject
    this.type = who.type
    this.owner = { kind: who.subject.kind, id: who.subject.id }
    this.principal =
      this.owner.kind === 'provisioning' ? { kind: 'provisioning', id: `${this.owner.id}.${id}` } : this.owner
    this.protocol = peer.protocol
    this.address = peer.address
    this.clientId = peer.clientId
    this.credential = who.credential
    this.request = peer.request ?? false
    this.sinceMicros = context.clock.nowMicros()
  }

  publish(topic: string, bytes: Uint8Array, how: PublishOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.topic(topic).push(bytes, how, (refused) => (refused ? reject(asError(refused)) : resolve()))
    })
  }

  topic(name: string): Topic {
    const known = (this.known ??= new Map())
    let handle = known.get(name)
    if (!handle) {
      if (known.size >= sessionLimits.topicsRemembered) known.clear()
      handle = new TopicHandle(this.context, this, name)
      known.set(name, handle)
    }
    return handle
  }

  may(action: 'publish' | 'subscribe', topicOrFilter: string): Decision {
    return this.context.access.decide(this.subject, action, topicOrFilter)
  }

  async authorize(action: 'publish' | 'subscribe', topicOrFilter: string): Promise<Decision> {
    const decision = await this.context.access.check(this.subject, action, topicOrFilter)
    if (!decision.allowed) this.record(action, topicOrFilter, toRefusal(decision, action))
    return decision
  }

  async subscribe(
    asked: string,
    deliver: (message: Delivery) => void | Promise<void>,
    how: { from?: 'platform' | 'all'; qos?: Qos } = {},
  ): Promise<Subscription> {
    const decision = await this.authorize('subscribe', asked)
    if (!decision.allowed) throw toRefusal(decision, 'subscribe')
    if (this.ended) throw sessionEnded()
    const filter = toPlainFilter(asked) ?? asked
    if (this.isSubscribedFully()) {
      const refused = refuse('SUBSCRIPTIONS_EXCEEDED')
      this.record('subscribe', asked, refused)
      throw refused
    }
    const subscriber: Subscriber = {
      session: this,
      filter,
      from: how.from ?? 'all',
      qos: how.qos ?? 1,
      deliver,
      waiting: 0,
      started: false,
      newer: undefined,
    }
    this.subscriptions.add(subscriber)
    this.context.relays.add(subscriber)
    // After the adapter has told its client that the subscription stands.
    setImmediate(() => this.start(subscriber))
    return { filter: asked, close: () => this.drop(subscriber) }
  }

  async takeCommands(how: { waitMs: number; signal: AbortSignal }): Promise<readonly TakenCommand[]> {
    const { kind, id } = this.principal
    const filter = kind === 'device' ? topics.command(id, '+') : ''
    const decision = await this.authorize('subscribe', filter)
    if (kind !== 'device' || !decision.allowed) throw toRefusal(decision, 'subscribe')
    this.alive()
    return this.context.commands.take(id, how)
  }

  async desiredShadow(): Promise<{ delta: Record<string, unknown>; version: number }> {
    const { kind, id } = this.principal
    const decision = await this.authorize('subscribe', kind === 'device' ? topics.desired(id) : '')
    if (kind !== 'device' || !decision.allowed) throw toRefusal(decision, 'subscribe')
    this.alive()
    return this.context.shadows.desired(id)
  }

  async provision(bytes: Uint8Array, how: Pick<PublishOptions, 'contentType'> = {}): Promise<Uint8Array> {
    const decision = await this.authorize('publish', topics.provisionRequest)
    if (!decision.allowed) throw toRefusal(decision, 'publish')
    const { protocol, address } = this
    try {
      const payload = parsePayload(bytes, how.contentType)
      const answer = await this.context.provision({ key: this.owner.id, protocol, address }, payload)
      if (!answer.refused) return answer.bytes
      throw asError(answer.refused)
    } catch (error) {
      if (isRefused(error) && error.reason !== 'unavailable') this.record('publish', topics.provisionRequest, error)
      throw error
    }
  }

  outletOf(topic: string): ((answer: Delivery) => void) | undefined {
    for (const subscriber of this.subscriptions) {
      if (matches(subscriber.filter, topic)) return (answer) => this.context.relays.deliver(subscriber, answer)
    }
    return undefined
  }

  alive(): void {
    if (this.principal.kind !== 'device' || this.ended) return
    this.context.presence.alive(this.principal.id, this.context.clock.nowMicros())
  }

  onEnd(hear: (why: EndReason) => void): void {
    // It may have been ended between its opening and this call.
    if (this.why !== undefined) queueMicrotask(() => this.why !== undefined && hear(this.why))
    else this.hearers.push(hear)
  }

  close(): void {
    if (this.ended) return
    this.ended = true
    this.cancelExpiry?.()
    this.hearers = []
    for (const subscriber of this.subscriptions) this.drop(subscriber)
    for (const ingest of this.ingests?.values() ?? []) this.context.pool.release(ingest)
    this.ingests = undefined
    this.known = undefined
    this.context.closed(this)
  }

  get endedBy(): EndReason {
    return this.why ?? 'closed'
  }

  /** The platform ends it and its adapter is told. */
  end(why: EndReason): void {
    if (this.ended) return
    const { hearers } = this
    this.why = why
    this.close()
    for (const hear of hearers) {
      try {
        hear(why)
      } catch (error) {
        this.context.onFault(error)
      }
    }
  }

  ingestOf(device: string): DeviceIngest | Promise<DeviceIngest> {
    const held = this.ingests?.get(device)
    if (held && !held.gone) return held
    const own = this.principal.kind === 'device' && this.principal.id === device
    const ingest = own ? this.context.pool.acquire(device, this.type) : this.context.acquireFor(device)
    return ingest instanceof Promise ? ingest.then((opened) => this.hold(device, opened)) : this.hold(device, ingest)
  }

  /** Closes subscriptions that are not allowed any more. */
  recheck(): void {
    for (const subscriber of this.subscriptions) {
      if (!this.may('subscribe', subscriber.filter).allowed) this.drop(subscriber)
    }
  }

  private hold(device: string, ingest: DeviceIngest): DeviceIngest {
    const { pool } = this.context
    this.ingests ??= new Map()
    const held = this.ingests.get(device)
    if (held) pool.release(held)
    this.ingests.set(device, ingest)
    if (this.ended) {
      // What a client sent before it went is still taken (a QoS 0 message and a DISCONNECT come together), unless it was
      // banned; nobody would release the record later.
      this.ingests.delete(device)
      setImmediate(() => pool.release(ingest))
      if (this.why === 'revoked') throw refuse('CREDENTIALS_ENDED')
    } else if (this.ingests.size > sessionLimits.devicesPerSession) {
      this.ingests.delete(device)
      pool.release(ingest)
      throw refuse('INGEST_FULL', 'One session publishes for too many devices.')
    }
    return ingest
  }

  private isSubscribedFully(): boolean {
    if (this.principal.kind !== 'device') {
      return this.subscriptions.size >= sessionLimits.subscriptionsPerApplication
    }
    let subscriptions = 0
    for (const session of this.context.live.of(this.principal)) subscriptions += session.subscriptions.size
    return subscriptions >= sessionLimits.subscriptionsPerDevice
  }

  private start(subscriber: Subscriber): void {
    if (!this.subscriptions.has(subscriber)) return
    subscriber.started = true
    this.context.relays.replayRetained(subscriber, () => this.subscriptions.has(subscriber))
    const { kind, id } = this.principal
    if (kind !== 'device') return
    this.context.commands.deliverOpen(id, toOutlet(this, subscriber))
    if (matches(subscriber.filter, topics.desired(id))) void this.sendDesired(id, subscriber)
  }

  private async sendDesired(device: string, subscriber: Subscriber): Promise<void> {
    try {
      const desired = await this.context.shadows.desired(device)
      if (Object.keys(desired.delta).length === 0 || !this.subscriptions.has(subscriber)) return
      this.context.relays.deliver(subscriber, toDesiredDelivery(device, desired))
    } catch (error) {
      this.context.onFault(error)
    }
  }

  private drop(subscriber: Subscriber): void {
    if (!this.subscriptions.delete(subscriber)) return
    this.context.relays.remove(subscriber)
  }

  private record(action: 'publish' | 'subscribe', topic: string, refused: RefusedError): void {
    this.context.refusals.record(toNewRefusal(this, action, topic, refused))
  }
}

const sessionEnded = () => refuse('STORE_UNAVAILABLE', 'The session has ended.', { step: 'session' })

/** What `reject` is given is an Error by its type already; the linter wants to see it. */
const asError = (refused: RefusedError): Error => refused

/** A subscription as commands are written to it. */
export function toOutlet(session: LiveSession, subscriber: Subscriber) {
  return {
    session,
    accepts: (topic: string) => matches(subscriber.filter, topic) && session.may('subscribe', topic).allowed,
    deliver: (message: Delivery) => subscriber.deliver(message),
  }
}

export function toDesiredDelivery(device: string, desired: { delta: object; version: number }): Delivery {
  return { topic: topics.desired(device), bytes: Buffer.from(JSON.stringify(desired)), qos: 1, retain: false }
}
