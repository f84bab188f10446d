import { isRefused, type Log, type Sessions } from '@patchbay/sdk'
import type { Client } from './client.ts'
import type { Bus } from './bus.ts'
import { principalOf } from './client-name.ts'
import { notOpen, stopping } from './errors.ts'
import { publishOptions } from './inbound-publishes.ts'
import { toMessage } from './message.ts'
import type { StoredWill, StoredWills } from './persistence/stored-wills.ts'
import { isOpen } from './open-topics.ts'
import type { Will } from './wire/connect.ts'

const maxTimerMs = 2 ** 31 - 1

export interface WillsOptions {
  stored: StoredWills
  bus: Bus
  sessions: Sessions
  log: Log
  openTopics: readonly string[]
  /** After a start: how long clients have to come back. */
  graceMs: number
}

/** Promised messages: on disk from the CONNECT on, published when the connection breaks and its delay is over, whatever happens. */
export class Wills {
  readonly #options: WillsOptions
  readonly #ofConnection = new WeakMap<Client, StoredWill>()
  readonly #timers = new Map<StoredWill, NodeJS.Timeout>()
  #stopped = false

  constructor(options: WillsOptions) {
    this.#options = options
  }

  /** What the last run has left behind, by a crash or by a stop: a client that comes back in time cancels it. */
  resume(): void {
    const nowMs = Date.now()
    const { stored, graceMs } = this.#options
    for (const one of stored.all()) {
      if (one.dueAtMs === undefined) stored.time(one, nowMs + delayMsOf(one.will, undefined))
      this.#schedule(one, Math.max((one.dueAtMs ?? nowMs) - nowMs, graceMs))
    }
  }

  async keep(client: Client, name: string, will: Will): Promise<void> {
    this.#ofConnection.set(client, await this.#options.stored.put(name, will))
    // it may have gone while its will was being written
    if (client.closed) this.connectionEnded(client, name)
  }

  /** [MQTT-3.1.2-8] published unless the client has said goodbye [MQTT-3.1.2-10]. */
  connectionEnded(client: Client, name: string): void {
    const one = this.#ofConnection.get(client)
    if (one === undefined || this.#stopped) return
    this.#ofConnection.delete(client)
    if (client.left) return this.#report(this.#options.stored.delete(one), name)
    const delayMs = delayMsOf(one.will, client.sessionExpirySeconds)
    if (delayMs > 0) {
      this.#options.stored.time(one, Date.now() + delayMs)
      this.#schedule(one, delayMs)
    } else this.#report(this.#publish(one), name)
  }

  /** The session goes on: a will whose delay still runs is not published. */
  async cancel(name: string): Promise<void> {
    const one = this.#options.stored.get(name)
    if (one === undefined || !this.#unschedule(one)) return
    await this.#options.stored.delete(one)
  }

  /** The session has ended: a will whose delay still runs is published now. */
  async hurry(name: string): Promise<void> {
    const one = this.#options.stored.get(name)
    if (one !== undefined && this.#unschedule(one)) await this.#publish(one)
  }

  /** Wills of a node that is no more: clients have a grace to come back. */
  adopt(adopted: readonly StoredWill[], graceMs = this.#options.graceMs): void {
    const nowMs = Date.now()
    for (const one of adopted) {
      this.#unschedule(one)
      if (one.dueAtMs === undefined) this.#options.stored.time(one, nowMs + delayMsOf(one.will, undefined))
      this.#schedule(one, Math.max((one.dueAtMs ?? nowMs) - nowMs, graceMs))
    }
  }

  /** The client is here now, and its will came from another node: as `cancel` and `hurry`. */
  async settle(one: StoredWill, goesOn: boolean): Promise<void> {
    if (goesOn) await this.#options.stored.delete(one)
    else await this.#publish(one)
  }

  async forget(owner: string): Promise<void> {
    const { stored } = this.#options
    await Promise.all(
      stored.ofOwner(owner).map((one) => {
        this.#unschedule(one)
        return stored.delete(one)
      }),
    )
  }

  /** What is not published by now is for the next start. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #schedule(one: StoredWill, delayMs: number): void {
    const due = () => {
      this.#timers.delete(one)
      this.#report(this.#publish(one), one.client)
    }
    this.#timers.set(one, setTimeout(due, Math.min(delayMs, maxTimerMs)).unref())
  }

  #unschedule(one: StoredWill): boolean {
    clearTimeout(this.#timers.get(one))
    return this.#timers.delete(one)
  }

  #report(work: Promise<unknown>, client: string): void {
    work.catch((error: unknown) => this.#options.log.warn('a will stays stored', { client, error: String(error) }))
  }

  async #publish(one: StoredWill): Promise<void> {
    const { stored, bus } = this.#options
    if (this.#stopped) throw stopping()
    const { topic, payload, qos, retain, properties } = one.will
    const message = toMessage(topic, payload, qos, retain, properties, one.client)
    if (!(await stored.mayPublish(one))) return stored.drop(one)
    try {
      await this.#authorise(one, topic)
      await bus.send(message)
    } catch (error) {
      // a refusal is recorded by the platform; any other failure is worth another start
      if (!isRefused(error) || error.reason === 'unavailable') throw error
    }
    await stored.delete(one)
  }

  /** It is published as its device, which may have lost the right or be gone by now. */
  async #authorise({ client, will }: StoredWill, topic: string): Promise<void> {
    const principal = principalOf(client)
    if (principal === undefined) {
      if (!isOpen(this.#options, topic)) throw notOpen(topic)
      return
    }
    // [MQTT 5, 3.1.3.2] the delay is the server's business, not the subscribers'
    const { willDelayInterval: _delay, ...properties } = will.properties ?? {}
    const options = publishOptions(will.qos, will.retain, will.properties === undefined ? undefined : properties)
    await this.#options.sessions.publishFor(principal, 'mqtt', topic, will.payload, options)
  }
}

/** [MQTT 5, 3.1.3.2.2] no later than its session ends; after a crash that is not known any more, and the delay alone counts. */
function delayMsOf(will: Will, sessionExpirySeconds: number | undefined): number {
  const delay = will.properties?.willDelayInterval ?? 0
  return Math.min(delay, sessionExpirySeconds ?? delay) * 1000
}
