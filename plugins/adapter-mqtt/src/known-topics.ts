import type { RefusedError, Topic } from '@patchbay/sdk'
import type { Adapter } from './adapter.ts'
import type { Client } from './client.ts'
import { badTopic, notOpen, reservedTopic } from './errors.ts'
import { isOpen } from './open-topics.ts'
import { silent, type Route } from './router.ts'
import { isReserved, limitProblem, topicProblem } from './topics.ts'
import { toName } from './wire/byte-reader.ts'
import type { PublishParts } from './wire/publish.ts'
import { malformed, protocolError, topicAliasInvalid } from './wire/violation.ts'

/** A device that uses more topics than this has the older ones resolved again. */
const maxTopicsPerConnection = 256

/** A topic that this client has used: checked and resolved once. */
export interface KnownTopic {
  readonly name: string
  /** Why it is refused, whatever the message. */
  readonly problem: RefusedError | undefined
  readonly platform: Topic | undefined
  route: Route
  routeVersion: number
}

/** The topics that one connection publishes to. */
export class KnownTopics {
  readonly #adapter: Pick<Adapter, 'router' | 'openTopics' | 'limits'>
  readonly #client: Pick<Client, 'version' | 'session'>
  readonly #byBytes = new Map<string, KnownTopic>()
  readonly #byAlias = new Map<number, KnownTopic>()

  constructor(adapter: Pick<Adapter, 'router' | 'openTopics' | 'limits'>, client: Pick<Client, 'version' | 'session'>) {
    this.#adapter = adapter
    this.#client = client
  }

  /** The topic of a PUBLISH, by its name or by an alias that stands for it. */
  of(bytes: Buffer, { topicFrom, topicEnd, properties }: PublishParts): KnownTopic {
    const alias = properties?.topicAlias
    if (alias !== undefined && alias > this.#adapter.limits.topicAliases)
      throw topicAliasInvalid(`Topic Alias ${alias}`) // [MQTT-3.2.2-17]
    if (topicFrom === topicEnd) {
      if (this.#client.version !== 5) throw malformed('The topic is empty') // [MQTT-4.7.3-1]
      const known = alias === undefined ? undefined : this.#byAlias.get(alias)
      if (known === undefined) throw protocolError('No topic, and no alias that stands for one') // [MQTT 5, 3.3.2.1]
      return known
    }
    // one character a byte: what this key stands for was checked when it came first
    const key = bytes.toString('latin1', topicFrom, topicEnd)
    let topic = this.#byBytes.get(key)
    if (topic === undefined) {
      topic = this.#resolve(toName(bytes.subarray(topicFrom, topicEnd)))
      if (this.#byBytes.size >= maxTopicsPerConnection) this.#byBytes.clear()
      this.#byBytes.set(key, topic)
    }
    if (alias !== undefined) this.#byAlias.set(alias, topic)
    return topic
  }

  #resolve(name: string): KnownTopic {
    const wrong = topicProblem(name)
    if (wrong !== undefined) throw malformed(`The topic ${wrong}`) // [MQTT-3.3.2-2]
    const session = this.#client.session
    const trouble = limitProblem(name, this.#adapter.limits)
    let problem: RefusedError | undefined
    if (trouble !== undefined) problem = badTopic(`The topic ${trouble}`)
    else if (isReserved(name)) problem = reservedTopic(name) // [MQTT-4.7.2-1]
    else if (session === undefined && !isOpen(this.#adapter, name)) problem = notOpen(name)
    const platform = problem === undefined ? session?.topic(name) : undefined
    return {
      name,
      problem,
      platform,
      // what is refused is no key that the router should keep
      route: problem === undefined ? this.#adapter.router.route(name) : silent,
      routeVersion: this.#adapter.router.version,
    }
  }

  routeOf(topic: KnownTopic): Route {
    const { router } = this.#adapter
    if (topic.routeVersion !== router.version && topic.problem === undefined) {
      topic.route = router.route(topic.name)
      topic.routeVersion = router.version
    }
    return topic.route
  }

  /** Nobody but the platform hears this topic now: neither a client nor a session that is away. */
  isSilent(topic: KnownTopic): boolean {
    const route = this.routeOf(topic)
    return route.targets.length === 0 && route.groups.length === 0
  }

  clear(): void {
    this.#byBytes.clear()
    this.#byAlias.clear()
  }
}
