import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeLimits } from '../src/nodes/limits.ts'
import { toNodeDocument } from '../src/nodes/node-record.ts'
import type { RegistryStore } from '../src/registry/port.ts'
import { createLeaseWorld, type LeaseWorld } from '../test/lease-world.ts'

/** What leases keep where several nodes have the registry open. */
export function sharedLeaseContract(open: () => Promise<{ store: RegistryStore; close(): Promise<void> }>) {
  describe('lease contract of several nodes', () => {
    let opened: Awaited<ReturnType<typeof open>>
    let world: LeaseWorld
    beforeEach(async () => {
      opened = await open()
      world = createLeaseWorld(opened.store)
    })
    afterEach(async () => {
      await world.close()
      await opened.close()
    })

    test('of two that want it one has it, and the other when the first leaves', async () => {
      const [a, b] = [world.start('a'), world.start('b')]
      await a.membership.join()
      await b.membership.join()
      const ofA = a.wish('x')
      await world.pass(nodeLimits.lookMs * 2)
      const ofB = b.wish('x')
      await world.pass(nodeLimits.awayMs * 3)
      expect([ofA.told, ofB.told]).toEqual([[1], []])
      await a.stop()
      await world.pass(nodeLimits.lookMs * 2)
      expect(ofB.told).toEqual([2])
    })

    test('what a killed node held goes on elsewhere within 11 s, never before it is sure', async () => {
      const [a, b] = [world.start('a'), world.start('b')]
      await a.membership.join()
      await b.membership.join()
      const ofA = a.wish('x')
      await world.pass(nodeLimits.lookMs * 2)
      const ofB = b.wish('x')
      await world.pass(4_000)
      a.kill()
      await world.pass(nodeLimits.relyMs)
      expect([ofA.told, ofB.told]).toEqual([[1], []])
      await world.pass(11_000 - nodeLimits.relyMs)
      expect(ofB.told).toEqual([2])
      expect(b.membership.nodes().find(({ id }) => id === 'a')?.record.gone).toBe(true)
    })

    test('a node that was paused is told that it is gone, and was sure of nothing before', async () => {
      const [a, b] = [world.start('a'), world.start('b')]
      await a.membership.join()
      await b.membership.join()
      const ofA = a.wish('x')
      await world.pass(2_000)
      const lease = ofA.lease()
      const ofB = b.wish('x')
      // The process of a stands still while time goes on.
      for (let at = 0; at < 12_000; at += 500) {
        b.clock.pass(500)
        await b.registry.idle()
      }
      expect(ofB.told).toEqual([2])
      a.clock.pass(12_000)
      expect(lease?.isSure()).toBe(false)
      await a.registry.idle()
      expect(a.lost).toHaveLength(1)
      expect(ofA.told).toEqual([1, 'lost'])
      expect(await a.leases.release('x')).toBe(false)
      expect(ofB.lease()?.isSure()).toBe(true)
    })

    test('nobody is declared gone because the store was away, and all go on with what they had', async () => {
      const [a, b] = [world.start('a'), world.start('b')]
      await a.membership.join()
      await b.membership.join()
      const ofA = a.wish('x')
      await world.pass(2_000)
      const ofB = b.wish('x')
      world.away(new Error('away'))
      await world.pass(30_000)
      expect(ofA.told).toEqual([1, 'lost'])
      world.away(undefined)
      await world.pass(6_000)
      expect([ofA.told, ofB.told]).toEqual([[1, 'lost', 1], []])
      expect([a.lost, b.lost]).toEqual([[], []])
    })

    test('clocks that are days apart, and set meanwhile, change nothing', async () => {
      const a = world.start('a')
      const b = world.start('b', { startMicros: 1_760_000_000_000_000 + 5 * 86_400_000_000 })
      await a.membership.join()
      await b.membership.join()
      const ofA = a.wish('x')
      await world.pass(2_000)
      const ofB = b.wish('x')
      a.clock.jump(-3_600_000)
      b.clock.jump(3_600_000)
      await world.pass(30_000)
      expect([ofA.told, ofB.told]).toEqual([[1], []])
      expect(ofA.lease()?.isSure()).toBe(true)
    })

    test('leases spread over the nodes that want them', async () => {
      const [a, b] = [world.start('a'), world.start('b')]
      await a.membership.join()
      await b.membership.join()
      await world.pass(nodeLimits.lookMs * 2)
      const names = Array.from({ length: 8 }, (_, i) => `x${i}`)
      const all = [a, b].flatMap((node) => names.map((name) => node.wish(name)))
      await world.pass(20_000)
      expect(all.flatMap(({ told }) => told)).toEqual(names.map(() => 1))
      for (const { leases, id } of [a, b]) expect(leases.holdings().get(id)?.length).toBeGreaterThanOrEqual(2)
    })

    test('a copy of a data folder is refused while the other one beats', async () => {
      const a = world.start('a', { name: 'east' })
      await a.membership.join()
      const copy = world.start('a', { name: 'west', session: 'copy' })
      const joining = expect(copy.membership.join()).rejects.toThrow('east')
      await world.pass(10_000)
      await joining
      copy.kill()
      expect((await opened.store.get('meta', toNodeDocument('a')))?.body['session']).toBe('a-1')
    })
  })
}
