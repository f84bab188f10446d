import type {
  AdapterRefusal,
  Broker,
  Delivery,
  EndReason,
  Peer,
  PublishOptions,
  Session,
  Sessions,
  Subscription,
  Topic,
} from '@patchbay/contracts/session'
import { type Owner, runOwned } from './owner.ts'

/** A session whose callbacks run as the instance's own code. One small object per connection; topics are core's own, untouched. */
class OwnedSession implements Session {
  readonly #session: Session
  readonly #owner: Owner
  constructor(session: Session, owner: Owner) {
    this.#session = session
    this.#owner = owner
  }
  get id() {
    return this.#session.id
  }
  get principal() {
    return this.#session.principal
  }
  publish(topic: string, bytes: Uint8Array, how?: PublishOptions) {
    return this.#session.publish(topic, bytes, how)
  }
  topic(name: string): Topic {
    return this.#session.topic(name)
  }
  may(action: 'publish' | 'subscribe', topicOrFilter: string) {
    return this.#session.may(action, topicOrFilter)
  }
  authorize(action: 'publish' | 'subscribe', topicOrFilter: string) {
    return this.#session.authorize(action, topicOrFilter)
  }
  subscribe(
    filter: string,
    deliver: (message: Delivery) => void | Promise<void>,
    how?: { from?: 'platform' | 'all'; qos?: 0 | 1 | 2 },
  ): Promise<Subscription> {
    const owner = this.#owner
    return this.#session.subscribe(filter, (message) => runOwned(owner, () => deliver(message)), how)
  }
  takeCommands(how: { waitMs: number; signal: AbortSignal }) {
    return this.#session.takeCommands(how)
  }
  desiredShadow() {
    return this.#session.desiredShadow()
  }
  provision(bytes: Uint8Array, how?: Pick<PublishOptions, 'contentType'>) {
    return this.#session.provision(bytes, how)
  }
  alive() {
    this.#session.alive()
  }
  onEnd(hear: (why: EndReason) => void) {
    const owner = this.#owner
    this.#session.onEnd((why) => runOwned(owner, () => hear(why)))
  }
  close() {
    this.#session.close()
  }
}

const ownBroker = (broker: Broker, owner: Owner): Broker => ({
  deliver: (message) => runOwned(owner, () => broker.deliver(message)),
  retained: (query) => runOwned(owner, () => broker.retained(query)),
  clearRetained: (topic) => runOwned(owner, () => broker.clearRetained(topic)),
  forget: (device) => runOwned(owner, () => broker.forget(device)),
})

/** The platform's sessions as one instance has them. `relay` is a contribution: it waits until the instance is live. */
export const ownSessions = (
  sessions: Sessions,
  owner: Owner,
  whenLive: (label: string, go: () => void) => void,
): Sessions => ({
  open: async (peer: Peer) => new OwnedSession(await sessions.open(peer), owner),
  refuse: (peer, refusal: AdapterRefusal) => sessions.refuse(peer, refusal),
  publishFor: (principal, protocol, topic, bytes, how) => sessions.publishFor(principal, protocol, topic, bytes, how),
  relay: (name, broker) => whenLive(`relay ${name}`, () => sessions.relay(name, ownBroker(broker, owner))),
})
