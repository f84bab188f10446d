import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../clock.ts'
import type { RegistryStore } from '../registry/port.ts'
import { createTicker } from '../ticker.ts'
import { nodeLimits } from './limits.ts'
import type { Membership } from './membership.ts'

const prefix = 'lease/'

const LeaseRecord = Type.Object({
  /** Undefined: nobody's. */
  node: Type.Optional(Type.String()),
  session: Type.Optional(Type.String()),
  /** Grows with each holder: what is written under a lower one is an earlier holder's. */
  fence: Type.Integer({ minimum: 1 }),
})
type LeaseRecord = Static<typeof LeaseRecord>

export interface Lease {
  readonly name: string
  readonly fence: number
  /** Nobody else can have it now: asked before each thing that only the holder may do. */
  isSure(): boolean
}

export interface Wish {
  /** It is this node's from now on. */
  held(lease: Lease): void
  /** It is no longer certain that it is: whatever only the holder may do must end. `held` comes again where it was still ours. */
  lost(): void
}

/**
 * Leases are documents that name a life of a node; one holds for as long as that node beats. So a beat renews all of them, and a node that
 * is declared gone has lost them all at once.
 */
export interface Leases {
  /** Takes a lease that is nobody's, or a dead one's; undefined: somebody has it. */
  acquire(name: string): Promise<Lease | undefined>
  /** Gives it to who asks next. False: it was not this node's any more. */
  release(name: string): Promise<boolean>
  /** Wants it from now on, until the answer is called. */
  want(name: string, wish: Wish): () => Promise<void>
  /** Of all nodes, from the last look. */
  holdings(): ReadonlyMap<string, readonly string[]>
  holderOf(name: string): string | undefined
  close(): Promise<void>
}

interface Wanted {
  wish: Wish
  lease: Lease | undefined
  waitsSinceMs: number | undefined
}

export function createLeases(deps: {
  registry: Pick<RegistryStore, 'get' | 'put' | 'list'>
  membership: Membership
  clock: Clock
  onFault: (error: unknown) => void
}): Leases {
  const { registry, membership, clock, onFault } = deps
  const wanted = new Map<string, Wanted>()
  /** Held, by name, with the version at which it was taken. */
  const mine = new Map<string, { lease: Lease; version: number }>()
  let holdings = new Map<string, string[]>()
  let closed = false
  let looking: Promise<void> = Promise.resolve()

  const isOurs = ({ node, session }: LeaseRecord): boolean =>
    node === membership.self.id && session === membership.session
  const seemsFree = ({ node, session }: LeaseRecord): boolean =>
    node === undefined || session === undefined || !membership.isLive(node, session)
  /** A node joins before it takes anything: one that is looked up after its lease was read is found. */
  const isFree = async ({ node, session }: LeaseRecord): Promise<boolean> =>
    node === undefined || session === undefined || !(await membership.findLive(node, session))

  function take(name: string, fence: number, version: number): Lease {
    const known = mine.get(name)
    if (known?.lease.fence === fence) return known.lease
    const lease: Lease = { name, fence, isSure: () => mine.get(name)?.lease === lease && membership.isSure() }
    mine.set(name, { lease, version })
    return lease
  }

  async function acquire(name: string): Promise<Lease | undefined> {
    const stored = await registry.get('meta', `${prefix}${name}`)
    const record = stored && Value.Check(LeaseRecord, stored.body) ? stored.body : undefined
    if (record && isOurs(record)) return take(name, record.fence, stored?.version ?? 0)
    if (record && !(await isFree(record))) return undefined
    if (!membership.isSure()) return undefined
    const fence = (record?.fence ?? 0) + 1
    const body = { node: membership.self.id, session: membership.session, fence }
    const put = await registry.put('meta', `${prefix}${name}`, body, stored?.version ?? 'new')
    return put.ok ? take(name, fence, put.version) : undefined
  }

  async function release(name: string): Promise<boolean> {
    const held = mine.get(name)
    mine.delete(name)
    if (!held) return false
    const put = await registry.put('meta', `${prefix}${name}`, { fence: held.lease.fence }, held.version)
    return put.ok
  }

  /** Others have a turn first when this node holds more than its share. */
  function mayTake(each: Wanted): boolean {
    const live = membership.nodes().filter(({ record }) => !record.gone).length
    if (live < 2 || mine.size === 0) return true
    const all = [...holdings.values()].reduce((sum, names) => sum + names.length, 0)
    if (mine.size * live <= all) return true
    each.waitsSinceMs ??= clock.monotonicMs()
    return clock.monotonicMs() - each.waitsSinceMs >= nodeLimits.lookMs * 2
  }

  function lose(each: Wanted): void {
    if (!each.lease) return
    each.lease = undefined
    each.wish.lost()
  }

  async function look(): Promise<void> {
    const { items } = await registry.list('meta', { prefix, limit: nodeLimits.leases })
    const seen = new Map<string, LeaseRecord>()
    holdings = new Map()
    for (const { id, body } of items) {
      if (!Value.Check(LeaseRecord, body)) continue
      const name = id.slice(prefix.length)
      seen.set(name, body)
      if (body.node === undefined || seemsFree(body)) continue
      const own = holdings.get(body.node)
      if (own) own.push(name)
      else holdings.set(body.node, [name])
    }
    for (const [name, each] of wanted) {
      const record = seen.get(name)
      if (each.lease) {
        if (each.lease.isSure() && record && isOurs(record) && record.fence === each.lease.fence) continue
        // Not ours any more, or not for certain: it is asked for anew.
        mine.delete(name)
        lose(each)
      }
      if (closed || (record && !isOurs(record) && !seemsFree(record)) || !mayTake(each)) continue
      const lease = await acquire(name)
      if (!lease?.isSure() || wanted.get(name) !== each) continue
      each.lease = lease
      each.waitsSinceMs = undefined
      each.wish.held(lease)
    }
  }

  // By itself: a look may hang in a store that does not answer.
  const guard = createTicker(
    clock,
    nodeLimits.guardMs,
    async () => {
      for (const each of wanted.values()) if (each.lease?.isSure() === false) lose(each)
    },
    onFault,
  )
  if (!membership.alone) guard.start()

  /** One look at a time, and nothing that was wanted meanwhile waits for the next. */
  function lookNow(): Promise<void> {
    const next = looking.then(look)
    // Whoever is next only waits for the end; a failure is this caller's.
    looking = next.catch(() => undefined)
    return next
  }
  membership.onLook(lookNow)

  return {
    acquire,
    release,
    want(name, wish) {
      const each: Wanted = { wish, lease: undefined, waitsSinceMs: undefined }
      wanted.set(name, each)
      lookNow().catch(onFault)
      return async () => {
        if (wanted.get(name) === each) wanted.delete(name)
        await looking
        each.lease = undefined
        // Not given back: it is free when the node has left.
        await release(name).catch(onFault)
      }
    },
    holdings: () => new Map([...holdings, [membership.self.id, [...mine.keys()]]]),
    holderOf: (name) =>
      mine.has(name) ? membership.self.id : [...holdings].find(([, names]) => names.includes(name))?.[0],
    async close() {
      closed = true
      guard.stop()
      await looking
      for (const name of mine.keys()) await release(name).catch(onFault)
    },
  }
}
