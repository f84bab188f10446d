import { createLeases, type Lease, type Leases } from '../src/nodes/leases.ts'
import { createMembership, type Membership } from '../src/nodes/membership.ts'
import type { RegistryStore } from '../src/registry/port.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { createIdleRegistry, type IdleRegistry } from './idle-registry.ts'

export interface LeaseNode {
  id: string
  clock: FakeClock
  registry: IdleRegistry
  membership: Membership
  leases: Leases
  lost: Error[]
  /** As kill -9: nothing of it happens any more. */
  kill(): void
  stop(): Promise<void>
  /** Notes the fence when the lease is held, and `lost`. */
  wish(name: string): { told: (number | 'lost')[]; lease: () => Lease | undefined }
}

/** Nodes with clocks of their own over one registry, whose time passes as the test says. */
export function createLeaseWorld(store: RegistryStore, { alone = false } = {}) {
  const nodes: LeaseNode[] = []
  const dead = new Set<LeaseNode>()

  return {
    start(id: string, { startMicros = 1_760_000_000_000_000, session = `${id}-1`, name = id } = {}): LeaseNode {
      const clock = createFakeClock(startMicros)
      const registry = createIdleRegistry(store)
      const lost: Error[] = []
      const onFault = () => undefined
      const membership = createMembership({
        registry,
        clock,
        self: { id, name, version: '1', roles: ['front', 'worker', 'api'], address: '' },
        session,
        alone,
        load: () => undefined,
        onLost: (error) => lost.push(error),
        onFault,
      })
      const leases = createLeases({ registry, membership, clock, onFault })
      const node: LeaseNode = {
        id,
        clock,
        registry,
        membership,
        leases,
        lost,
        kill: () => void dead.add(node),
        async stop() {
          if (dead.has(node)) return
          dead.add(node)
          await leases.close()
          await membership.leave()
        },
        wish(wanted) {
          const told: (number | 'lost')[] = []
          let lease: Lease | undefined
          leases.want(wanted, {
            held(now) {
              lease = now
              told.push(now.fence)
            },
            lost: () => void told.push('lost'),
          })
          return { told, lease: () => lease }
        },
      }
      nodes.push(node)
      return node
    },
    /** The store answers nobody. */
    away(error: Error | undefined) {
      for (const { registry } of nodes) registry.trouble.error = error
    },
    /** Lets time pass for all that live, step by step, each step's calls to the store ended. */
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 500) {
        for (const node of nodes) if (!dead.has(node)) node.clock.pass(500)
        for (const node of nodes) await node.registry.idle()
      }
    },
    async close() {
      this.away(undefined)
      for (const node of nodes) await node.stop()
    },
  }
}

export type LeaseWorld = ReturnType<typeof createLeaseWorld>
