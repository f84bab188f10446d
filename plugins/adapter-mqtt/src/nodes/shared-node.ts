import { randomUUID } from 'node:crypto'
import type { Log, SharedRedis } from '@patchbay/sdk'
import type { Adapter } from '../adapter.ts'
import type { BrokerSession } from '../broker-session.ts'
import { Dropped } from '../dropped.ts'
import { storeUnavailable } from '../errors.ts'
import type { SharedWriter, Writer } from '../persistence/writer.ts'
import { toList, toText, type StreamEntry } from './answers.ts'
import { Claims } from './claims.ts'
import { KnownEverywhere } from './known-everywhere.ts'
import { packMessage, unpackMessage } from './message-bytes.ts'
import { MessageWays, unpackDirect } from './message-ways.ts'
import { Mirror } from './mirror.ts'
import { NodeConnections } from './node-connections.ts'
import { maxQueuedBytes } from '../outbound-queue.ts'
import { RedisJournal } from './redis-journal.ts'

/** What a waiting message takes beside its payload. */
const entryBytes = 256
/** Sessions with full queues that are told of apart. */
const maxDropped = 1_000
/** A dead node's clients had the time until it was found dead to come back to another. */
const deadGraceMs = 1_000

export interface SharedNodeOptions {
  redis: SharedRedis
  log: Log
  /** The others have buried this node: all that it knows is void. */
  onGone: () => void
  onState: (state: 'ready' | 'away') => void
}

/** This node among those that share sessions, retained values and wills through Redis. */
export class SharedNode {
  /** One life of this process: what an earlier one held is nobody's. */
  readonly life = randomUUID()
  readonly writer: Writer
  readonly #journal: RedisJournal
  readonly #connections: NodeConnections
  readonly #known = new KnownEverywhere()
  readonly #ways: MessageWays
  readonly #log: Log
  /** Of sessions at other nodes, or nowhere, whose queues are full. */
  readonly #dropped = new Map<string, Dropped>()
  #parts: { adapter: Adapter; mirror: Mirror; claims: Claims } | undefined

  constructor({ redis, log, onGone, onState }: SharedNodeOptions) {
    this.#log = log
    let isGone = false
    const gone = (): void => {
      if (isGone) return
      isGone = true
      onGone()
    }
    this.#journal = new RedisJournal({
      life: this.life,
      run: (script, ...args) => this.#connections.run(script, ...args),
      onCommitted: (place, lives) => this.#known.committed(place, lives),
      onGone: gone,
    })
    this.#connections = new NodeConnections(redis, this.life, {
      up: () => {
        onState('ready')
        this.#journal.up()
        this.#parts?.claims.wakeAll()
      },
      down: () => {
        onState('away')
        this.#journal.down()
      },
      gone,
      changes: (entries) => this.#parts?.mirror.apply(entries, (life) => this.#dead(life, gone)),
      inbox: (entries) => this.#take(entries),
      applied: (life, place) => this.#known.applied(life, place),
      wake: (client) => {
        if (client === undefined) this.#parts?.claims.wakeAll()
        else this.#parts?.claims.feed(client)?.wake()
      },
      live: (bytes) => this.#arrive(bytes),
    })
    const shared = this.#sharedWriter()
    this.#ways = new MessageWays(
      this.#journal,
      this.#connections,
      () => shared,
      (client, topic) => this.#droppedOf(client)?.note(topic),
    )
    this.writer = {
      write: (statement, ...parameters) => this.#journal.write(statement, ...parameters),
      note: (statement, ...parameters) => this.#journal.note(statement, ...parameters),
      flushed: () => this.#journal.flushed(),
      shared,
    }
  }

  /** Loads what all nodes know, and follows it from then on. */
  async join(adapter: Adapter): Promise<void> {
    const mirror = new Mirror(adapter, this.#connections, this.#ways)
    const claims = new Claims(adapter, mirror, this.#connections, this.#journal)
    await this.#connections.join()
    await mirror.load()
    this.#parts = { adapter, mirror, claims }
    this.#connections.follow()
    await this.#adoptWills()
  }

  /** Resolves when no other node has the session. */
  claim(name: string): Promise<void> {
    return this.#sure().claims.claim(name)
  }

  /** Its client went while it was claimed. */
  abandon(name: string): void {
    const session = this.#sure().adapter.router.sessions.get(name)
    if (session === undefined) this.#journal.writeNow('leave', [name]).catch(ignore)
  }

  /** A kept session of this node: its queue is read from Redis. */
  feed(session: BrokerSession): void {
    this.#sure().claims.feed(session.name)?.wake()
  }

  /** A will of this client that another node was to publish. */
  async settleWill(name: string, goesOn: boolean): Promise<void> {
    const { adapter } = this.#sure()
    const answer = toList(await this.#connections.run('adoptWills', this.life, name).catch(unavailable))
    const [client, due, packed] = answer
    if (client === undefined || !Buffer.isBuffer(packed)) return
    const dueText = toText(due)
    const one = adapter.store.wills.adopt(toText(client), packed, dueText === '' ? undefined : Number(dueText))
    await adapter.wills.settle(one, goesOn)
  }

  /** The node leaves: what it held is nobody's at once. */
  async close(): Promise<void> {
    await this.#journal.flushed().catch(ignore)
    if (this.#connections.isUp) await this.#connections.bury(this.life, '').catch(ignore)
    this.#journal.end(new Error('The node has left'))
    this.#connections.close()
  }

  #sure() {
    if (this.#parts === undefined) throw storeUnavailable(new Error('The node has not joined'))
    return this.#parts
  }

  #dead(life: string, gone: () => void): void {
    if (life === this.life) return gone()
    this.#known.dead(life)
    this.#parts?.claims.dead(life)
    this.#adoptWills(deadGraceMs).catch((error: unknown) =>
      this.#log.warn('wills of a dead node stay', { error: String(error) }),
    )
  }

  async #adoptWills(graceMs?: number): Promise<void> {
    const { adapter } = this.#sure()
    const answer = toList(await this.#connections.run('adoptWills', this.life, ''))
    const adopted = []
    for (let at = 0; at + 2 < answer.length; at += 3) {
      const packed = answer[at + 2]
      const due = toText(answer[at + 1])
      if (!Buffer.isBuffer(packed)) continue
      adopted.push(adapter.store.wills.adopt(toText(answer[at]), packed, due === '' ? undefined : Number(due)))
    }
    adapter.wills.adopt(adopted, graceMs)
  }

  #take(entries: readonly StreamEntry[]): void {
    for (const { fields } of entries) {
      const kind = fields.get('k')?.toString()
      const client = fields.get('c')?.toString() ?? ''
      const message = fields.get('m')
      if (kind === 'message' && message !== undefined) this.#arrive(message)
      else if (kind === 'kick') this.#parts?.claims.kicked(client, fields.get('l')?.toString() ?? '')
      else if (kind === 'released') this.#parts?.claims.released(client)
    }
  }

  #arrive(bytes: Buffer): void {
    const router = this.#parts?.adapter.router
    if (router === undefined) return
    const { direct, packed } = unpackDirect(bytes)
    const { message } = unpackMessage(packed)
    if (direct === undefined) router.arrive(message)
    else if (!router.arriveFor(direct.client, direct.name, message)) {
      this.#log.debug('nobody of a shared subscription is left', { topic: message.topic })
    }
  }

  #droppedOf(client: string): Dropped | undefined {
    const known = this.#dropped.get(client)
    if (known !== undefined || this.#parts === undefined) return known
    if (this.#dropped.size >= maxDropped) this.#dropped.clear()
    const dropped = new Dropped(this.#parts.adapter.sessions, client)
    this.#dropped.set(client, dropped)
    return dropped
  }

  #sharedWriter(): SharedWriter {
    return {
      append: (client, packed, onDropped) => {
        const { topic, payload } = packed.message
        const size = payload.length + topic.length + entryBytes
        return this.#journal.writeNow('append', [client, packMessage(packed), size, maxQueuedBytes], onDropped)
      },
      endPassing: async (client) => {
        await Promise.all([this.#journal.write('endSession', client), this.#journal.writeNow('leave', [client])])
      },
      expire: (client, nowMs) => this.#journal.writeNow('expireSession', [client, nowMs]),
      fireWill: async (client) =>
        toText(await this.#connections.run('fireWill', this.life, client).catch(unavailable)) === '1',
      applied: async () => {
        await this.#known.here(this.life)
        await this.#parts?.mirror.retainedRead
      },
      known: async () => {
        await this.#known.all()
        await this.#parts?.mirror.retainedRead
      },
    }
  }
}

const unavailable = (error: unknown): never => {
  throw storeUnavailable(error)
}

/** What is not done when a node leaves is settled by the others. */
const ignore = () => undefined
