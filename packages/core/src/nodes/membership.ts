import type { NodeLoad, NodeRole } from '@patchbay/contracts/node'
import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import { createTicker } from '../ticker.ts'
import { createBeatWatch } from './beat-watch.ts'
import { nodeLimits } from './limits.ts'
import { NodeLost } from './node-lost.ts'
import { type NodeRecord, readNodes, type StoredNode, toNodeDocument, toStoredNode } from './node-record.ts'

export interface NodeSelf {
  id: string
  name: string
  version: string
  roles: readonly NodeRole[]
  address: string
}

export interface MembershipOptions {
  registry: Pick<RegistryStore, 'get' | 'put' | 'list' | 'delete'>
  clock: Clock
  self: NodeSelf
  /** Of this life of the process. */
  session: string
  /** Nobody else can have the registry open: nothing beats, nothing ends. */
  alone: boolean
  load: () => NodeLoad | undefined
  /** Others have declared this node gone: what it held is theirs. */
  onLost: (error: NodeLost) => void
  onFault: (error: unknown) => void
}

/** This node among the others. */
export interface Membership {
  readonly self: NodeSelf
  readonly session: string
  /** Nobody else can be there. */
  readonly alone: boolean
  /** Resolves when the others can see it. Rejects with NodeLost while another process has its id. */
  join(): Promise<void>
  /** Until this monotonic time nobody can have declared it gone. */
  readonly reliesUntilMs: number
  /** It may rely on what it holds. */
  isSure(): boolean
  /** All that is known, from the last look; away ones among them. */
  nodes(): readonly StoredNode[]
  /** A life of a node that may still hold what it held, by the last look. */
  isLive(id: string, session: string): boolean
  /** The same, looked up. */
  findLive(id: string, session: string): Promise<boolean>
  /** Called after each look at the nodes. */
  onLook(hear: () => Promise<void>): void
  /** What listens now, for people. */
  moved(address: string): void
  /** What it held is free at once. */
  leave(): Promise<void>
}

/**
 * Keeps this node's document and watches those of the others. Whoever declares a node gone does so by writing that node's document at the
 * version that it watched, so that either the node's next beat or the declaration fails, never both or none.
 */
export function createMembership(options: MembershipOptions): Membership {
  const { registry, clock, session, alone, onFault } = options
  const self = { ...options.self }
  const document = toNodeDocument(self.id)
  const startedAt = new Date(clock.nowMicros() / 1000).toISOString()
  const watch = createBeatWatch(clock)
  const hearers: (() => Promise<void>)[] = []
  let known: StoredNode[] = []
  let beat = 0
  let reliesUntilMs = alone ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  let left = false
  let beating: Promise<void> | undefined

  const recordNow = (): NodeRecord => {
    const load = options.load()
    return {
      name: self.name,
      version: self.version,
      roles: [...self.roles],
      address: self.address,
      session,
      startedAt,
      seenAt: new Date(clock.nowMicros() / 1000).toISOString(),
      ...(load ? { load } : {}),
    }
  }

  async function write(expected: number | 'new'): Promise<boolean> {
    const sentMs = clock.monotonicMs()
    const put = await registry.put('meta', document, { ...recordNow() }, expected)
    if (!put.ok) return false
    beat = put.version
    if (!alone) reliesUntilMs = sentMs + nodeLimits.relyMs
    return true
  }

  async function beatOnce(): Promise<void> {
    if (left || (await write(beat))) return
    // An answer that was lost: the beat is ours and was only not heard of.
    const stored = await registry.get('meta', document)
    const found = stored && toStoredNode(stored)
    if (found?.record.session === session && !found.record.gone && (await write(found.beat))) return
    if (left) return
    reliesUntilMs = Number.NEGATIVE_INFINITY
    options.onLost(new NodeLost('the other nodes have declared this one gone, and go on with what it held'))
  }

  async function look(): Promise<void> {
    if (alone) known = [{ id: self.id, beat, record: recordNow() }]
    else {
      known = await readNodes(registry)
      const forgotten = clock.nowMicros() / 1000 - nodeLimits.forgetMs
      for (const { id, beat: at, record } of known) {
        if (record.gone && Date.parse(record.seenAt) < forgotten) await registry.delete('meta', toNodeDocument(id), at)
      }
      for (const node of watch.standStill(known.filter(({ id, record }) => id !== self.id && !record.gone))) {
        await registry.put('meta', toNodeDocument(node.id), { ...node.record, gone: true }, node.beat)
      }
    }
    for (const hear of hearers) await hear()
  }

  const beats = createTicker(clock, nodeLimits.beatMs, () => (beating = beatOnce()), onFault)
  const looks = createTicker(clock, nodeLimits.lookMs, look, onFault)

  /** A document of an earlier life: at once the own one's place when it lived on this machine, else when it stands still. */
  async function takeOver(): Promise<void> {
    const watching = createBeatWatch(clock)
    for (let first: number | undefined; ;) {
      const stored = await registry.get('meta', document)
      if (!stored) return void ((await write('new')) || (await takeOver()))
      const found = toStoredNode(stored)
      if (!found || found.record.gone || found.record.name === self.name) {
        if (await write(stored.version)) return
        continue
      }
      first ??= found.beat
      if (found.beat !== first) {
        throw new NodeLost(`another Patchbay, ${found.record.name}, runs with a copy of this data folder`)
      }
      if (watching.standStill([found]).length > 0 && (await write(found.beat))) return
      await new Promise<void>((resolve) => clock.after(nodeLimits.lookMs, resolve))
    }
  }

  return {
    self,
    session,
    alone,
    async join() {
      const others = alone ? [] : (await readNodes(registry)).filter(({ id }) => id !== self.id)
      if (others.length >= nodeLimits.nodes - 1) throw new NodeLost(`there are ${others.length} nodes already`)
      await takeOver()
      await look()
      if (alone) return
      beats.start()
      looks.start()
    },
    get reliesUntilMs() {
      return reliesUntilMs
    },
    isSure: () => clock.monotonicMs() < reliesUntilMs,
    nodes: () => [...known.filter(({ id }) => id !== self.id), { id: self.id, beat, record: recordNow() }],
    isLive: (id, life) =>
      id === self.id ? life === session : known.some((node) => node.id === id && isLife(node.record, life)),
    async findLive(id, life) {
      if (alone || id === self.id) return id === self.id && life === session
      const stored = await registry.get('meta', toNodeDocument(id))
      const found = stored && toStoredNode(stored)
      return found !== undefined && isLife(found.record, life)
    },
    onLook: (hear) => void hearers.push(hear),
    moved(address) {
      self.address = address
    },
    async leave() {
      left = true
      beats.stop()
      looks.stop()
      await beating?.catch(() => undefined)
      // The store is away: the others see the beat stand still.
      await registry.delete('meta', document).catch(() => undefined)
    },
  }
}

const isLife = ({ session, gone }: NodeRecord, life: string): boolean => session === life && gone !== true
