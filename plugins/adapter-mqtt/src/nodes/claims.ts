import type { Adapter } from '../adapter.ts'
import { storeUnavailable } from '../errors.ts'
import { reasonCodes } from '../refusal-words.ts'
import { newSession } from '../session-resumption.ts'
import { toEntries, toList, toPairs, toText } from './answers.ts'
import type { Mirror } from './mirror.ts'
import type { NodeConnections } from './node-connections.ts'
import type { RedisJournal } from './redis-journal.ts'
import { SessionFeed, toStored } from './session-feed.ts'

/** A node that does not let go within this time is dead by then, and buried. */
const releaseMs = 12_000
/** How long a session that is let go waits for what its client has sent and is not settled. */
const settleMs = 5_000
const pageSize = 200

interface Claim {
  released(): void
  /** The node that the client has gone to meanwhile. */
  lostTo: string | undefined
  readonly holder: string
}

/** One node holds a session. [MQTT-3.1.4-3] when its client connects to another, the older connection ends, and the session goes there. */
export class Claims {
  readonly #adapter: Adapter
  readonly #mirror: Mirror
  readonly #connections: NodeConnections
  readonly #journal: RedisJournal
  readonly #feeds = new Map<string, SessionFeed>()
  readonly #claims = new Map<string, Claim>()
  readonly #turns = new Map<string, Promise<void>>()

  constructor(adapter: Adapter, mirror: Mirror, connections: NodeConnections, journal: RedisJournal) {
    this.#adapter = adapter
    this.#mirror = mirror
    this.#connections = connections
    this.#journal = journal
  }

  /** Resolves when the session is here, and nowhere else. */
  claim(name: string): Promise<void> {
    return this.#inTurn(name, () => this.#claim(name))
  }

  /** Another node's client has come: the session goes there. */
  kicked(name: string, to: string): void {
    const claim = this.#claims.get(name)
    if (claim !== undefined) claim.lostTo = to
    else this.#inTurn(name, () => this.#release(name, to)).catch(this.#report('a session is not let go'))
  }

  released(name: string): void {
    this.#claims.get(name)?.released()
  }

  dead(life: string): void {
    for (const claim of this.#claims.values()) if (claim.holder === life) claim.released()
  }

  /** What is in the shared queue of this session is read as its client takes it. */
  feed(name: string, place = '0-0'): SessionFeed | undefined {
    const there = this.#feeds.get(name)
    const session = this.#adapter.router.sessions.get(name)
    if (session === undefined) {
      this.#feeds.delete(name)
      return undefined
    }
    if (there?.isOf(session) === true) return there
    const read = (from: string, count: number) =>
      this.#connections.call('XRANGE', this.#connections.key(`q:${name}`), `(${from}`, '+', 'COUNT', count)
    const feed = new SessionFeed(session, place, read, this.#report('a queue is not read'))
    this.#feeds.set(name, feed)
    return feed
  }

  wakeAll(): void {
    for (const name of this.#feeds.keys()) this.feed(name)?.wake()
  }

  async #claim(name: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const holder = toText(await this.#connections.run('claim', this.#connections.life, name).catch(unavailable))
    if (holder !== '') {
      const claim: Claim = { released: resolve, lostTo: undefined, holder }
      this.#claims.set(name, claim)
      const timer = setTimeout(() => reject(storeUnavailable(new Error('Another node keeps the session'))), releaseMs)
      try {
        await promise
      } finally {
        clearTimeout(timer)
        this.#claims.delete(name)
      }
      if (claim.lostTo !== undefined) {
        await this.#release(name, claim.lostTo)
        throw storeUnavailable(new Error('The client is at another node now'))
      }
    }
    if (this.#adapter.router.sessions.has(name)) return
    const changes = this.#connections.key('changes')
    const [last] = toEntries(
      await this.#connections.call('XREVRANGE', changes, '+', '-', 'COUNT', 1).catch(unavailable),
    )
    if (last !== undefined) this.#mirror.own(name, last.id)
    await this.#load(name).catch(unavailable)
  }

  /** Makes the session that lies in Redis this node's. */
  async #load(name: string): Promise<void> {
    const { router, store } = this.#adapter
    const connections = this.#connections
    const [keep, expires] = toList(await connections.call('HMGET', connections.key(`s:${name}`), 'k', 'e')).map(toText)
    const foreign = router.foreign.get(name)
    if (keep === undefined || keep === '') {
      if (foreign !== undefined) router.letGo(foreign)
      store.sessions.forget(name)
      return
    }
    const filters = toPairs(await connections.call('HGETALL', connections.key(`subs:${name}`)))
    const flights = toPairs(await connections.call('HGETALL', connections.key(`f:${name}`)))
    const incoming = toList(await connections.call('SMEMBERS', connections.key(`in:${name}`))).map(Number)
    const stored = []
    let place = '0-0'
    const lastFlight = Math.max(0, ...Array.from(flights.keys(), Number))
    while (Number.parseInt(place, 10) < lastFlight) {
      const range = ['XRANGE', connections.key(`q:${name}`), `(${place}`, `${lastFlight}-1`] as const
      const entries = toEntries(await connections.call(...range, 'COUNT', pageSize))
      for (const entry of entries) {
        const flight = flights.get(String(Number.parseInt(entry.id, 10)))?.toString() ?? ''
        const isReleased = flight.startsWith('r')
        stored.push(toStored(entry, Number(isReleased ? flight.slice(1) : flight), isReleased))
      }
      const last = entries.at(-1)
      if (last === undefined) break
      place = last.id
    }
    if (router.foreign.get(name) !== undefined && foreign !== undefined) router.letGo(foreign)
    const session = newSession(this.#adapter, name)
    session.durable = true
    for (const [filter, details] of filters) this.#mirror.addFilter(session, filter, details.toString())
    for (const each of stored) session.outbound.load(each)
    store.incoming.adopt(name, incoming)
    store.sessions.follow(name, Number(keep), expires === '' ? Date.now() + Number(keep) * 1000 : Number(expires))
    this.feed(name, lastFlight > 0 ? `${lastFlight}-1` : '0-0')
  }

  async #release(name: string, to: string): Promise<void> {
    const { router, store } = this.#adapter
    const session = router.sessions.get(name)
    if (session !== undefined) {
      const { client } = session
      client?.end(reasonCodes.takenOver)
      await client?.gone
      const untilMs = performance.now() + settleMs
      while (session.arriving.size > 0 && performance.now() < untilMs)
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await this.#journal.flushed()
    if (session !== undefined && router.sessions.get(name) === session) {
      if (session.durable) this.#mirror.toForeign(session, to)
      else router.letGo(session)
      store.incoming.drop(name)
    }
    this.#feeds.delete(name)
    await this.#connections.run('released', to, name)
  }

  async #inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(name)
    const mine = (async () => {
      await before?.catch(ignore)
      await work()
    })()
    this.#turns.set(name, mine)
    try {
      await mine
    } finally {
      if (this.#turns.get(name) === mine) this.#turns.delete(name)
    }
  }

  #report(what: string): (error: unknown) => void {
    return (error) => this.#adapter.log.warn(what, { error: String(error) })
  }
}

const unavailable = (error: unknown): never => {
  throw storeUnavailable(error)
}

/** It has told whoever waited for it. */
const ignore = () => undefined
