import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeLimits } from '../src/nodes/limits.ts'
import type { RegistryStore } from '../src/registry/port.ts'
import { createLeaseWorld, type LeaseWorld } from '../test/lease-world.ts'

/** What leases keep on every registry. `alone`: only one node has it open. */
export function leaseContract(open: () => Promise<{ store: RegistryStore; close(): Promise<void> }>, alone: boolean) {
  describe('lease contract', () => {
    let opened: Awaited<ReturnType<typeof open>>
    let world: LeaseWorld
    beforeEach(async () => {
      opened = await open()
      world = createLeaseWorld(opened.store, { alone })
    })
    afterEach(async () => {
      await world.close()
      await opened.close()
    })

    test('a free lease is acquired, kept, given back, and the next one has a higher fence', async () => {
      const a = world.start('a')
      await a.membership.join()
      const first = await a.leases.acquire('x')
      expect(first?.fence).toBe(1)
      expect(first?.isSure()).toBe(true)
      expect(await a.leases.acquire('x')).toBe(first)
      await world.pass(nodeLimits.awayMs * 2)
      expect(first?.isSure()).toBe(true)
      expect(a.leases.holdings().get('a')).toEqual(['x'])
      expect(await a.leases.release('x')).toBe(true)
      expect(first?.isSure()).toBe(false)
      expect((await a.leases.acquire('x'))?.fence).toBe(2)
    })

    test('a start after a crash has at once what the life before held, under a higher fence', async () => {
      const a = world.start('a')
      await a.membership.join()
      await a.leases.acquire('x')
      a.kill()
      const again = world.start('a', { session: 'a-2' })
      await again.membership.join()
      const told = again.wish('x')
      await world.pass(nodeLimits.lookMs)
      expect(told.told).toEqual([2])
    })
  })
}
