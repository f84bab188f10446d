import { Aedes, type AedesPublishPacket } from 'aedes'
import { storeUnavailable } from './errors.ts'
import { LocalMq } from './local-mq.ts'
import type { Message } from './message.ts'

/** aedes and its bus carry no topic with more. */
const mostLevels = 100
/** Messages that wait for the bus: beyond it the broker is as good as away. */
const maxWaiting = 100_000

/** `failed` undefined: every copy that must outlive a crash is durable. It may be told at once. */
export type Settled = (failed: Error | undefined) => void

export interface BusOptions {
  /** Keeps a retained value: in memory at once, and on disk when the promise resolves. */
  retain: (message: Message) => Promise<unknown>
  /** Takes every message that is on the bus, in order; a promise = copies of it are on their way to disk. */
  hear: (message: Message) => Promise<unknown> | undefined
}

interface Entering {
  readonly message: Message
  readonly settled: Settled
  /** Runs when the message has its copies, in the same turn: what it writes is as durable as they are, or not at all. */
  readonly carried: (() => Promise<unknown> | undefined) | undefined
}

interface Passing extends Entering {
  retained: Promise<unknown> | undefined
  isCarried: boolean
  failed: Error | undefined
}

/**
 * The broker behind the front: each message that somebody besides the platform wants goes into aedes, which has it kept when it is
 * retained and carries it over its bus to the front's router. Connections, sessions and their queues are not its business.
 */
export class Bus {
  readonly #aedes: Aedes
  readonly #hear: BusOptions['hear']
  readonly #passing = new Map<number, Passing>()
  #counter = 0
  /** Messages that aedes has and the router does not, all of one kind. */
  #entering = 0
  #kind = 0
  /** Another kind takes a way of another length and would overtake: it waits. [MQTT-4.6.0-6] */
  #waiting: Entering[] = []
  #isDraining = false

  private constructor({ retain, hear }: BusOptions) {
    this.#hear = hear
    const persistence = {
      setup: async () => undefined,
      storeRetained: async (packet: AedesPublishPacket) => {
        const passing = this.#passing.get(packet.brokerCounter)
        if (passing !== undefined) passing.retained = retain(passing.message)
        passing?.retained?.catch(ignore) // awaited where the message is carried
      },
      // sessions and wills are the front's
      subscriptionsByTopic: async () => [],
      outgoingEnqueueCombi: async () => undefined,
      streamWill: async function* () {
        // none
      },
    }
    const mq = new LocalMq<AedesPublishPacket>()
    this.#aedes = new Aedes({ persistence, mq, maxTopicLevels: mostLevels })
  }

  static async open(options: BusOptions): Promise<Bus> {
    const bus = new Bus(options)
    await bus.#aedes.listen()
    bus.#aedes.subscribe('#', (packet, done) => bus.#carry(packet, done), ignore)
    return bus
  }

  publish(message: Message, settled: Settled, carried?: Entering['carried']): void {
    const kind = (message.retain ? 2 : 0) + (message.qos > 0 ? 1 : 0)
    if (this.#waiting.length > 0 || (this.#entering > 0 && kind !== this.#kind)) {
      if (this.#waiting.length >= maxWaiting) return settled(storeUnavailable())
      this.#waiting.push({ message, settled, carried })
      return
    }
    this.#enter({ message, settled, carried }, kind)
  }

  send(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.publish(message, (failed) => (failed === undefined ? resolve() : reject(failed)))
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(resolve))
  }

  #enter(entering: Entering, kind: number): void {
    const { topic, payload, qos, retain, from } = entering.message
    const brokerCounter = ++this.#counter
    const passing: Passing = { ...entering, retained: undefined, isCarried: false, failed: undefined }
    this.#passing.set(brokerCounter, passing)
    this.#kind = kind
    this.#entering++
    const brokerId = this.#aedes.id
    const packet = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: false,
      clientId: from,
      brokerId,
      brokerCounter,
    } as const
    this.#aedes.publish(packet, (error) => {
      this.#passing.delete(brokerCounter)
      if (!passing.isCarried) this.#entered()
      passing.settled(passing.failed ?? error ?? undefined)
    })
  }

  #carry(packet: AedesPublishPacket, done: () => void): void {
    const passing = packet.brokerId === this.#aedes.id ? this.#passing.get(packet.brokerCounter) : undefined
    if (passing === undefined) return done()
    passing.isCarried = true
    const writes: Promise<unknown>[] = []
    for (const write of [this.#hear(passing.message), passing.carried?.(), passing.retained]) {
      if (write !== undefined) writes.push(write)
    }
    if (writes.length === 0) done()
    else {
      Promise.all(writes).then(
        () => done(),
        (error: unknown) => {
          passing.failed = storeUnavailable(error)
          done()
        },
      )
    }
    this.#entered()
  }

  #entered(): void {
    this.#entering--
    if (this.#isDraining || this.#waiting.length === 0) return
    this.#isDraining = true
    let at = 0
    for (; at < this.#waiting.length; at++) {
      const next = this.#waiting[at]
      if (next === undefined) break
      const kind = (next.message.retain ? 2 : 0) + (next.message.qos > 0 ? 1 : 0)
      if (this.#entering > 0 && kind !== this.#kind) break
      this.#enter(next, kind)
    }
    this.#waiting = this.#waiting.slice(at)
    this.#isDraining = false
  }
}

const ignore = () => undefined
