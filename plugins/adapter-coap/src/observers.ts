import type { Delivery, EndReason, Log, Session, Sessions, Subscription } from '@patchbay/sdk'
import { type Answer, answer, toJsonAnswer, uintOption } from './answer.ts'
import type { Downloads } from './downloads.ts'
import type { Endpoint } from './endpoint.ts'
import { refuse } from './errors.ts'
import type { Identity } from './identity.ts'
import { limits } from './limits.ts'
import type { MessageLayer } from './message-layer.ts'
import { protocol } from './request-sessions.ts'
import { notificationOf, type Resource } from './resource.ts'

interface Relation {
  token: Buffer
  /** Names the resource's blocks among the downloads. */
  downloadKey: string
  subscription: Subscription | undefined
}

/** One endpoint that observes: it has a live session, as a connection of another protocol has. */
interface Observer {
  endpoint: Endpoint
  identity: string
  session: Session
  relations: Map<Resource, Relation>
  heardMs: number
  probing: boolean
}

export interface Registration {
  endpoint: Endpoint
  identity: Identity
  token: Buffer
  resource: Resource
  device: string
  downloadKey: string
}

/** The 24 bits of the Observe option. */
const sequenceModulus = 0x1000000

/** Who observes what: RFC 7641. Notifications are confirmable, so each command is known to have arrived. */
export function createObservers(deps: {
  sessions: Pick<Sessions, 'open'>
  layer: Pick<MessageLayer, 'sendConfirmable' | 'ping' | 'drop'>
  downloads: Downloads
  now: () => number
  probeMs: number
  log: Log
}) {
  const { sessions, layer, downloads, now, probeMs, log } = deps
  const observers = new Map<string, Observer>()
  const perAddress = new Map<string, number>()
  const perDevice = new Map<string, Set<Observer>>()
  const opening = new Map<string, Promise<Observer>>()
  let closed = false

  const drop = (observer: Observer): void => {
    const { endpoint, session, relations } = observer
    if (observers.get(endpoint.key) === observer) {
      observers.delete(endpoint.key)
      const left = (perAddress.get(endpoint.address) ?? 1) - 1
      if (left === 0) perAddress.delete(endpoint.address)
      else perAddress.set(endpoint.address, left)
    }
    const own = perDevice.get(session.principal.id)
    own?.delete(observer)
    if (own?.size === 0) perDevice.delete(session.principal.id)
    relations.clear()
    session.close()
  }
  const forget = (observer: Observer, resource: Resource): void => {
    observer.relations.get(resource)?.subscription?.close()
    observer.relations.delete(resource)
    if (observer.relations.size === 0) drop(observer)
  }

  /** "a notification with a (…) 4.xx or 5.xx code (…) the client is removed from the list of observers" (section 4.2) */
  function dismiss(observer: Observer, why: EndReason): void {
    const code = why === 'revoked' ? '4.03' : '5.03'
    for (const { token } of observer.relations.values()) void send(observer, token, answer(code)).catch(() => undefined)
    drop(observer)
  }
  const send = async (observer: Observer, token: Buffer, notification: Answer) =>
    layer.sendConfirmable(observer.endpoint, token, notification)

  async function open({ endpoint, identity }: Registration): Promise<Observer> {
    const mine = perAddress.get(endpoint.address) ?? 0
    if (closed) throw refuse('COAP_STOPPING')
    if (observers.size >= limits.observers || mine >= limits.observersPerAddress) throw refuse('COAP_OBSERVERS_FULL')
    const { address, encrypted } = endpoint
    const session = await sessions.open({ protocol, address, encrypted, credentials: identity.credentials })
    const observer: Observer = {
      endpoint,
      identity: identity.key,
      session,
      relations: new Map(),
      heardMs: now(),
      probing: false,
    }
    // Another registration of the endpoint may have been faster.
    const other = observers.get(endpoint.key)
    if (other) drop(other)
    observers.set(endpoint.key, observer)
    perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
    session.onEnd((why) => dismiss(observer, why))
    makeRoom(session.principal.id, observer)
    return observer
  }

  /** A device that comes from one new port after the other leaves observers behind that nobody hears. */
  function makeRoom(device: string, newest: Observer): void {
    const own = perDevice.get(device) ?? new Set()
    perDevice.set(device, own.add(newest))
    for (const oldest of own) {
      if (own.size <= limits.observersPerDevice) return
      drop(oldest)
    }
  }

  /** The endpoint's observer; registrations that come together share the one that is opened. */
  async function observerFor(registration: Registration): Promise<Observer> {
    const { endpoint, identity } = registration
    const known = observers.get(endpoint.key)
    if (known?.identity === identity.key) return known
    if (known) drop(known)
    const underWay = opening.get(identity.key)
    if (underWay) return underWay
    const begun = open(registration).finally(() => opening.delete(identity.key))
    opening.set(identity.key, begun)
    return begun
  }

  async function deliver(observer: Observer, resource: Resource, message: Delivery): Promise<void> {
    const relation = observer.relations.get(resource)
    if (!relation) throw refuse('COAP_NOT_ACKNOWLEDGED')
    const whole = toJsonAnswer(notificationOf(resource, message), [uintOption('Observe', nextSequence())])
    const outcome = await send(observer, relation.token, downloads.begin(relation.downloadKey, whole, undefined))
    if (outcome === 'acknowledged') return
    // "a Reset message (…) the server MUST remove the client" (section 3.6), and so for a notification that times out (section 4.5).
    if (outcome === 'reset') forget(observer, resource)
    else drop(observer)
    throw refuse('COAP_NOT_ACKNOWLEDGED')
  }

  // "strictly increasing" for each client (section 4.4): one counter for all is.
  let sequence = 1
  const nextSequence = (): number => (sequence = (sequence + 1) % sequenceModulus)

  async function probe(observer: Observer): Promise<void> {
    observer.probing = true
    try {
      const outcome = await layer.ping(observer.endpoint)
      if (outcome === 'lost') return drop(observer)
      observer.heardMs = now()
      observer.session.alive()
    } catch {
      // Its outbox is full: it does not acknowledge what it is sent, and that drops it.
    } finally {
      observer.probing = false
    }
  }

  return {
    /** Registers, again or anew, and answers the Observe number of the first answer. Rejects with Refused. */
    async add(registration: Registration): Promise<number> {
      const { resource, token, device, downloadKey } = registration
      const here = await observerFor(registration)
      here.heardMs = now()
      here.session.alive()
      // "the server MUST NOT add a new entry but MUST replace or update the existing one" (section 4.1)
      const known = here.relations.get(resource)
      const relation: Relation = { token, downloadKey, subscription: undefined }
      here.relations.set(resource, relation)
      known?.subscription?.close()
      try {
        const filter = resource === 'commands' ? `devices/${device}/commands/+` : `devices/${device}/shadow/desired`
        relation.subscription = await here.session.subscribe(filter, (message) => deliver(here, resource, message), {
          from: 'platform',
          qos: 1,
        })
      } catch (error) {
        if (here.relations.get(resource) === relation) forget(here, resource)
        throw error
      }
      // Cancelled, replaced or ended meanwhile.
      if (here.relations.get(resource) !== relation) relation.subscription.close()
      return nextSequence()
    },
    /** "Observe: 1 (deregister)" (section 3.6) */
    remove(endpoint: Endpoint, resource: Resource): void {
      const observer = observers.get(endpoint.key)
      if (observer) forget(observer, resource)
    },
    heard(endpoint: Endpoint): void {
      const observer = observers.get(endpoint.key)
      if (observer) observer.heardMs = now()
    },
    /** The endpoint is gone. */
    gone(endpoint: Endpoint): void {
      const observer = observers.get(endpoint.key)
      if (observer) drop(observer)
    },
    sweep(): void {
      const nowMs = now()
      for (const observer of observers.values()) {
        if (!observer.probing && nowMs - observer.heardMs >= probeMs) void probe(observer)
      }
    },
    close(): void {
      closed = true
      if (observers.size > 0) log.debug('observers are dismissed', { observers: observers.size })
      for (const observer of observers.values()) dismiss(observer, 'shutdown')
    },
    get size() {
      return observers.size
    },
  }
}

export type Observers = ReturnType<typeof createObservers>
