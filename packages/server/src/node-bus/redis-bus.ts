import { randomUUID } from 'node:crypto'
import type { HearNode, NodeBus } from '@patchbay/core/nodes/port'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Log, SharedConnection, SharedRedis } from '@patchbay/sdk'
import { createLives } from './lives.ts'
import { toEntries } from './stream-entries.ts'

/** What is kept for a node that reads late. */
const maxKept = 20_000
/** What waits here while Redis is away; beyond it the oldest goes. */
const maxWaiting = 10_000
const readBlockMs = 2_000
const readCount = 500
const beatMs = 1_000
const connectMs = 10_000

export interface RedisBus extends NodeBus {
  /** Notes from where on this node hears what happens: before it reads anything of the stores. */
  open(): Promise<void>
  /** Begins to hear, once everybody who hears is there. */
  start(): Promise<void>
  close(): Promise<void>
}

/** Nodes hear each other by one stream, which is read in order, and by a channel for what only counts now. */
export function createRedisBus(shared: SharedRedis, log: Log): RedisBus {
  const life = randomUUID()
  const stream = `${shared.prefix}nodes:events`
  const channel = `${shared.prefix}nodes:live`
  const takers = new Map<string, HearNode[]>()
  const joined: (() => void)[] = []
  const waiting: { kind: string; text: string }[] = []
  const first = Promise.withResolvers<void>()
  /** Changed by events while others wait. */
  const link = { isUp: false, closed: false }
  let isFlushing = false
  let isReading = false
  let place = ''
  let reader: SharedConnection | undefined
  let ears: SharedConnection | undefined
  let left = 0

  const lives = createLives((dead) => log.warn('another node is not heard any more', { life: dead }))

  const calls = shared.connect({
    up() {
      link.isUp = true
      lives.pause()
      first.resolve()
      void flush()
    },
    down() {
      link.isUp = false
      lives.pause()
    },
  })

  const add = async (kind: string, text: string): Promise<void> => {
    await calls.call('XADD', stream, 'MAXLEN', '~', maxKept, '*', 'l', life, 'k', kind, 'b', text)
  }

  async function flush(): Promise<void> {
    if (isFlushing) return
    isFlushing = true
    try {
      for (let next = waiting[0]; next !== undefined && link.isUp; next = waiting[0]) {
        await add(next.kind, next.text)
        waiting.shift()
      }
    } catch {
      // it is told when Redis is back
    } finally {
      isFlushing = false
    }
  }

  function take(from: string, kind: string, text: string): void {
    if (from === life || from === '') return
    if (kind === 'gone') return lives.forget(from)
    if (lives.heard(from)) for (const each of joined) each()
    const hearers = takers.get(kind)
    if (hearers === undefined) return
    try {
      const body: unknown = JSON.parse(text)
      for (const hear of hearers) hear(body, from)
    } catch (error) {
      log.error('what another node said could not be taken', { kind, error: String(error) })
    }
  }

  async function readOn(): Promise<void> {
    if (isReading || reader === undefined) return
    isReading = true
    try {
      while (!link.closed) {
        const answer = await reader.call('XREAD', 'COUNT', readCount, 'BLOCK', readBlockMs, 'STREAMS', stream, place)
        for (const { id, fields } of toEntries(answer)) {
          place = id
          take(fields.get('l') ?? '', fields.get('k') ?? '', fields.get('b') ?? '')
        }
      }
    } catch {
      // the connection is lost: it goes on from the same place when it is back
    } finally {
      isReading = false
    }
  }

  const show = (kind: string, body: unknown): void => {
    if (!link.isUp) return
    const text = JSON.stringify([life, kind, JSON.stringify(body)])
    calls.call('PUBLISH', channel, text).catch(() => undefined) // it counts now, or not at all
  }

  const beat = setInterval(() => show('beat', null), beatMs).unref()

  return {
    tell(kind, body) {
      if (link.closed) return
      if (waiting.length >= maxWaiting) {
        waiting.shift()
        if (left++ % maxWaiting === 0) log.warn('other nodes are not told everything: Redis is away for too long')
      }
      waiting.push({ kind, text: JSON.stringify(body) })
      void flush()
    },
    async send(kind, body) {
      if (!link.isUp) throw new StoreUnavailable('Redis is away')
      try {
        await add(kind, JSON.stringify(body))
      } catch (cause) {
        throw new StoreUnavailable('Redis does not answer', { cause })
      }
    },
    show,
    hear(kind, hear) {
      takers.set(kind, [...(takers.get(kind) ?? []), hear])
    },
    onJoin: (hear) => void joined.push(hear),
    onDead: lives.onDead,
    async open() {
      const timer = setTimeout(() => first.reject(new StoreUnavailable('Redis is away')), connectMs)
      await first.promise.finally(() => clearTimeout(timer))
      const last = await calls.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
      place = toEntries([[stream, last]]).at(-1)?.id ?? '0-0'
    },
    async start() {
      reader = shared.connect({ up: () => void readOn() }, { waits: true })
      const heard = shared.connect({
        up: () => void heard.call('SUBSCRIBE', channel).catch(() => undefined), // lost again: so it is when it is back
        message: (_channel, bytes) => {
          const said: unknown = JSON.parse(bytes.toString())
          if (!Array.isArray(said)) return
          const [from, kind, text] = said.map(String)
          take(from ?? '', kind ?? '', text ?? 'null')
        },
      })
      ears = heard
      lives.start()
      await add('hello', 'null')
    },
    async close() {
      link.closed = true
      clearInterval(beat)
      lives.close()
      if (link.isUp) await add('gone', 'null').catch(() => undefined) // the others find out
      for (const each of [reader, ears, calls]) each?.close()
    },
  }
}
