import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Node, NodeLoad, NodeRole } from '@patchbay/contracts/node'
import type { Clock } from '@patchbay/core/clock'
import { createLeases, type Leases } from '@patchbay/core/nodes/leases'
import { createMembership, type Membership } from '@patchbay/core/nodes/membership'
import type { NodeLost } from '@patchbay/core/nodes/node-lost'
import type { RegistryStore } from '@patchbay/core/registry/port'
import type { Log } from '@patchbay/sdk'
import { readProductVersion } from '../backup/manifest.ts'

/** What a node must hold to evaluate rules, deliver alerts, apply retention and tidy. */
export const workLease = 'work'
/** Nodes give times that differ in this many microseconds, each its own. */
export const maxSlots = 16

export interface Nodes {
  readonly membership: Membership
  readonly leases: Leases
  /** Which of the places among `maxSlots` is this node's; undefined while it is alone. */
  readonly slot: number | undefined
  list(): Node[]
  /** Where the load comes from, once there is something to measure. */
  measure(read: () => Pick<NodeLoad, 'sessions'> & { messages: number }): void
  /** Runs `begin` once this node has the work, and not before. */
  onWork(begin: () => void): void
  /** This node has the work, and nobody else can. */
  hasWork(): boolean
  close(): Promise<void>
}

export interface NodesOptions {
  registry: RegistryStore
  clock: Clock
  id: string
  roles: readonly NodeRole[]
  /** Nobody else can have the stores open. */
  alone: boolean
  log: Log | undefined
  onLost: (error: NodeLost) => void
}

/** This node joins those that have the same stores; resolves when they can see it. */
export async function joinNodes(options: NodesOptions): Promise<Nodes> {
  const { registry, clock, id, roles, alone, log } = options
  let measured = { sessions: 0, messages: 0 }
  let read = () => measured
  let before = { atMs: performance.now(), cpu: process.cpuUsage(), messages: 0 }

  function load(): NodeLoad {
    measured = read()
    const now = { atMs: performance.now(), cpu: process.cpuUsage(), messages: measured.messages }
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000)
    const used = now.cpu.user + now.cpu.system - before.cpu.user - before.cpu.system
    const come = Math.max(0, now.messages - before.messages)
    // Asked for twice in a moment (a page of the console, alone), the first says more.
    if (seconds > 1) before = now
    return {
      cpu: Math.round(used / seconds / 10_000) / 100,
      memoryBytes: process.memoryUsage.rss(),
      sessions: measured.sessions,
      messagesPerSecond: Math.round((come / seconds) * 10) / 10,
    }
  }

  const onFault = (error: unknown): void => log?.debug('the other nodes could not be looked at', { err: error })
  const membership = createMembership({
    registry,
    clock,
    self: { id, name: hostname(), version: readProductVersion(), roles, address: '' },
    session: randomBytes(8).toString('hex'),
    alone,
    load,
    onLost: options.onLost,
    onFault,
  })
  const leases = createLeases({ registry, membership, clock, onFault })
  await membership.join()

  async function takeSlot(): Promise<number> {
    for (let slot = 0; slot < maxSlots; slot++) if (await leases.acquire(`slot/${slot}`)) return slot
    return takeSlot()
  }
  const slot = alone ? undefined : await takeSlot()

  const begins: (() => void)[] = []
  let work: { isSure(): boolean } | undefined
  if (roles.includes('worker')) {
    // At once where nobody has it: rules need not wait for the next look.
    work = await leases.acquire(workLease)
    leases.want(workLease, {
      held(lease) {
        if (!work) log?.info('this node goes on with the work: rules, alerts, retention')
        work = lease
        // Once a life: whoever loses it to another node has been declared gone, and ends.
        for (const begin of begins.splice(0)) begin()
      },
      lost: () => log?.warn('it is not certain whether this node still has the work: it waits'),
    })
  }

  return {
    membership,
    leases,
    slot,
    list() {
      const holdings = leases.holdings()
      return membership.nodes().map(({ id: node, record }) => ({
        id: node,
        name: record.name,
        version: record.version,
        roles: record.roles,
        address: record.address,
        state: record.gone ? 'away' : 'live',
        self: node === id,
        startedAt: record.startedAt,
        seenAt: record.seenAt,
        ...(record.load ? { load: record.load } : {}),
        holds: (holdings.get(node) ?? []).filter((name) => name === workLease || name.startsWith('instance/')),
      }))
    },
    measure: (from) => void (read = from),
    onWork(begin) {
      if (work) begin()
      else begins.push(begin)
    },
    hasWork: () => work?.isSure() ?? false,
    async close() {
      await leases.close()
      await membership.leave()
    },
  }
}
