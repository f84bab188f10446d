import type { RedisArgument, SharedConnection, SharedRedis } from '@patchbay/sdk'
import { storeUnavailable } from '../errors.ts'
import { toEntries, toList, toPairs, toText, type StreamEntry } from './answers.ts'
import { beatMs, LifeWatch } from './life-watch.ts'
import { runScript } from './script-runner.ts'
import type { Script } from './scripts.ts'

/** Under the platform's prefix. */
const area = 'mqtt:'
const readBlockMs = 2_000
const readCount = 500
const connectPatienceMs = 10_000
/** QoS 0 messages that Redis has not taken yet; beyond it they are left out. */
const maxPublishing = 10_000

export interface NodeEvents {
  up(): void
  down(): void
  gone(): void
  /** What all nodes apply, in one order. */
  changes(entries: readonly StreamEntry[]): void
  /** Messages and requests for this node. */
  inbox(entries: readonly StreamEntry[]): void
  applied(life: string, place: string): void
  /** Something may have been put into the queue of this session; undefined: of any. */
  wake(client: string | undefined): void
  /** A QoS 0 message of another node. */
  live(packed: Buffer): void
}

/** The connections of one node: for calls, for the streams that it follows, and for what is worth nothing later. */
export class NodeConnections {
  readonly life: string
  readonly #redis: SharedRedis
  readonly #prefix: string
  readonly #events: NodeEvents
  readonly #calls: SharedConnection
  #reader: SharedConnection | undefined
  #ears: SharedConnection | undefined
  readonly #watch = new LifeWatch()
  #beat: NodeJS.Timeout | undefined
  #isUp = false
  #isReading = false
  #place = '0-0'
  #inboxPlace = '0-0'
  #publishing = 0
  #closed = false
  readonly #firstUp = Promise.withResolvers<void>()

  constructor(redis: SharedRedis, life: string, events: NodeEvents) {
    this.life = life
    this.#redis = redis
    this.#prefix = `${redis.prefix}${area}`
    this.#events = events
    this.#calls = redis.connect({
      up: () => {
        this.#isUp = true
        this.#firstUp.resolve()
        events.up()
      },
      down: () => {
        this.#isUp = false
        events.down()
      },
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Says that this node is there; from then on it has to follow. */
  async join(): Promise<void> {
    const timer = setTimeout(
      () => this.#firstUp.reject(storeUnavailable(new Error('Redis is away'))),
      connectPatienceMs,
    )
    try {
      await this.#firstUp.promise
    } finally {
      clearTimeout(timer)
    }
    this.#place = toText(await this.run('join', this.life))
    this.#beat = setInterval(() => void this.#beatOnce(), beatMs).unref()
  }

  /** Begins to follow, with what happened since `join`. */
  follow(): void {
    this.#reader = this.#redis.connect({ up: () => void this.#readOn() }, { waits: true })
    const [wake, live, applied] = [
      `${this.#prefix}wake:${this.life}`,
      `${this.#prefix}live:${this.life}`,
      this.#appliedChannel,
    ]
    const ears = this.#redis.connect({
      up: () => {
        ears.call('SUBSCRIBE', wake, live, applied).then(
          () => this.#events.wake(undefined), // what came before nobody heard
          () => undefined, // it is lost again, and subscribes when it is back
        )
      },
      message: (channel, bytes) => {
        if (channel === wake) this.#events.wake(bytes.toString())
        else if (channel === live) this.#events.live(bytes)
        else {
          const [life = '', place = ''] = bytes.toString().split(' ')
          this.#events.applied(life, place)
        }
      },
    })
    this.#ears = ears
  }

  key(name: string): string {
    return `${this.#prefix}${name}`
  }

  call(command: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    return this.#calls.call(command, ...args)
  }

  run(script: Script, ...args: readonly RedisArgument[]): Promise<unknown> {
    return runScript(this.#calls, this.#prefix, script, args)
  }

  /** At most once, as QoS 0 is. */
  publish(life: string, packed: Buffer): void {
    if (!this.#isUp || this.#publishing >= maxPublishing) return
    this.#publishing++
    const done = () => {
      this.#publishing--
    }
    this.call('PUBLISH', this.key(`live:${life}`), packed).then(done, done)
  }

  async bury(life: string, beat: string): Promise<void> {
    await this.run('bury', life, beat, Date.now())
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#beat)
    this.#reader?.close()
    this.#ears?.close()
    this.#calls.close()
  }

  get #appliedChannel(): string {
    return `${this.#prefix}applied`
  }

  async #beatOnce(): Promise<void> {
    if (!this.#isUp || this.#closed) return
    try {
      const [state, beats, applied] = toList(await this.run('beat', this.life, this.#inboxPlace))
      if (this.#closed) return
      if (toText(state) === 'gone') return this.#events.gone()
      for (const [life, place] of toPairs(applied)) this.#events.applied(life, place.toString())
      const lives = new Map(Array.from(toPairs(beats), ([life, beat]) => [life, beat.toString()]))
      for (const { life, beat } of this.#watch.look(lives, this.life)) await this.bury(life, beat)
    } catch {
      // Redis is away: the next beat tries again
    }
  }

  async #readOn(): Promise<void> {
    const reader = this.#reader
    if (this.#isReading || reader === undefined) return
    this.#isReading = true
    const [changes, inbox] = [this.key('changes'), this.key(`inbox:${this.life}`)]
    try {
      while (!this.#closed) {
        const streams = [changes, inbox, this.#place, this.#inboxPlace]
        const answer = await reader.call('XREAD', 'COUNT', readCount, 'BLOCK', readBlockMs, 'STREAMS', ...streams)
        const found = new Map(toStreams(answer))
        const told = found.get(changes) ?? []
        if (told.length > 0) {
          this.#events.changes(told)
          this.#place = told.at(-1)?.id ?? this.#place
          this.#tellApplied()
        }
        const given = found.get(inbox) ?? []
        if (given.length > 0) {
          this.#inboxPlace = given.at(-1)?.id ?? this.#inboxPlace
          this.#events.inbox(given)
        }
      }
    } catch {
      // the connection is lost: it goes on from the same place when it is back
    } finally {
      this.#isReading = false
    }
  }

  #tellApplied(): void {
    this.#events.applied(this.life, this.#place)
    const lost = () => undefined // the next beat of the others reads it
    this.call('HSET', this.key('applied'), this.life, this.#place).catch(lost)
    this.call('PUBLISH', this.#appliedChannel, `${this.life} ${this.#place}`).catch(lost)
  }
}

/** RESP2 answers pairs in a list, RESP3 a map. */
function toStreams(answer: unknown): [string, StreamEntry[]][] {
  if (answer instanceof Map) return Array.from(answer, ([name, entries]) => [toText(name), toEntries(entries)])
  const list = toList(answer)
  if (list.length > 0 && !Array.isArray(list[0])) {
    const streams: [string, StreamEntry[]][] = []
    for (let at = 0; at + 1 < list.length; at += 2) streams.push([toText(list[at]), toEntries(list[at + 1])])
    return streams
  }
  return list.map((pair) => {
    const [name, entries] = toList(pair)
    return [toText(name), toEntries(entries)]
  })
}
