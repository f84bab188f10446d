import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHashRing, hashOf, reduceWeights } from './hash-ring.ts'

const two = [
  { host: '127.0.0.1', port: 1883, weight: 1 },
  { host: '127.0.0.1', port: 1884, weight: 1 },
]
const any = () => true

test('the published vector: points, and where known client ids land', () => {
  const ring = createHashRing(two)
  expect(ring.size).toBe(320)
  // The first point that each name makes, found again among the 320.
  const all = Array.from({ length: 320 }, (_, place) => ring.at(place))
  expect(all).toContainEqual({ point: 0x06cabadb, node: 0 })
  expect(all).toContainEqual({ point: 0xb4ea66cb, node: 1 })
  const ports = ['client-1', 'client-2', 'client-3', 'client-4'].map((id) => two[ring.pick(hashOf(id), any) ?? 9]?.port)
  expect(ports).toEqual([1883, 1883, 1883, 1884])
  const counts = [0, 0]
  for (let id = 0; id < 10_000; id++) counts[ring.pick(hashOf(`c${id}`), any) ?? 9]! += 1
  expect(counts).toEqual([4880, 5120])
})

test('weights count by their ratio, zero has no points, and all zero is all equal', () => {
  expect(reduceWeights([100, 50])).toEqual([2, 1])
  expect(reduceWeights([0, 0])).toEqual([1, 1])
  const ring = createHashRing([
    { ...two[0]!, weight: 0 },
    { ...two[1]!, weight: 7 },
  ])
  expect(ring.size).toBe(160)
  expect(ring.arc(0)).toBe(0)
  expect(ring.arc(1)).toBe(1)
})

test('10,000 client ids land on each node within 1 % of its arc', () => {
  const nodes = [
    { host: '10.0.0.1', port: 1883, weight: 3 },
    { host: '10.0.0.2', port: 1883, weight: 2 },
    { host: 'broker-c', port: 2883, weight: 1 },
  ]
  const ring = createHashRing(nodes)
  const counts = nodes.map(() => 0)
  for (let id = 0; id < 10_000; id++) counts[ring.pick(hashOf(`device-${id * 7919}`), any) ?? 9]! += 1
  for (const [node, count] of counts.entries()) expect(Math.abs(count / 10_000 - ring.arc(node))).toBeLessThan(0.01)
  expect(nodes.reduce((sum, _, node) => sum + ring.arc(node), 0)).toBeCloseTo(1, 12)
})

test('a node that is down moves its own clients and nobody else’s', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 0, max: 3 }),
      (ids, down) => {
        const ring = createHashRing([1, 2, 3, 4].map((n) => ({ host: `h${n}`, port: 1883, weight: n })))
        for (const id of ids) {
          const before = ring.pick(hashOf(id), any)
          const after = ring.pick(hashOf(id), (node) => node !== down)
          if (before === down) expect(after).not.toBe(down)
          else expect(after).toBe(before)
        }
      },
    ),
  )
})

test('with nobody usable there is no answer', () => {
  expect(createHashRing(two).pick(1, () => false)).toBeUndefined()
  expect(createHashRing([]).pick(1, any)).toBeUndefined()
})
