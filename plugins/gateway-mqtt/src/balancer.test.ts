import { expect, test } from 'vitest'
import { type BalancerType, createBalancer } from './balancer.ts'
import { createNode, type Node } from './node.ts'

const nodeOf = (port: number, weight = 1, priority = 0): Node =>
  createNode({ host: '127.0.0.1', port, weight, priority, local: false })

const counts = (picks: readonly (Node | undefined)[]): Record<number, number> => {
  const found: Record<number, number> = {}
  for (const node of picks) found[node?.port ?? 0] = (found[node?.port ?? 0] ?? 0) + 1
  return found
}
const many = (n: number): string[] => Array.from({ length: n }, (_, index) => `c${index}`)

test('roundrobin follows the weights exactly and passes by a weight of zero', () => {
  const balancer = createBalancer({ type: 'roundrobin', nodes: [nodeOf(1, 3), nodeOf(2, 1), nodeOf(3, 0)] })
  expect(counts(many(400).map((key) => balancer.pick(key)))).toEqual({ 1: 300, 2: 100 })
})

test('least_conn takes the node with the fewest sessions for its weight', () => {
  const [busy, idle] = [nodeOf(1, 2), nodeOf(2, 1)]
  const balancer = createBalancer({ type: 'least_conn', nodes: [busy, idle] })
  busy.active = 1
  expect(balancer.pick('')).toBe(busy)
  busy.active = 4
  expect(balancer.pick('')).toBe(idle)
})

test('ewma takes the node that answers faster', () => {
  const [slow, fast] = [nodeOf(1), nodeOf(2)]
  slow.connectMs = 50
  fast.connectMs = 5
  expect(createBalancer({ type: 'ewma', nodes: [slow, fast] }).pick('')).toBe(fast)
})

test.each<BalancerType>(['chash', 'roundrobin', 'least_conn', 'ewma'])(
  '%s: retries reach every node once, higher priorities first, then give up',
  (type) => {
    const nodes = [nodeOf(1, 1, 0), nodeOf(2, 1, 5), nodeOf(3, 1, 5), nodeOf(4, 1, -1)]
    const balancer = createBalancer({ type, nodes })
    const tried = new Set<Node>()
    const priorities: number[] = []
    for (let node = balancer.pick('x', tried); node; node = balancer.pick('x', tried)) {
      priorities.push(node.priority)
      tried.add(node)
    }
    expect(priorities).toEqual([5, 5, 0, -1])
  },
)

test('an unhealthy node is passed by; when all are, none is', () => {
  const nodes = [nodeOf(1883), nodeOf(1884)]
  const balancer = createBalancer({ type: 'chash', nodes })
  const before = many(1_000).map((key) => balancer.pick(key))
  nodes[0]!.state = 'unhealthy'
  expect(counts(many(1_000).map((key) => balancer.pick(key)))).toEqual({ 1884: 1_000 })
  nodes[1]!.state = 'unhealthy'
  expect(many(1_000).map((key) => balancer.pick(key))).toEqual(before)
})

test('within ±10 % of the weights, for two equal brokers', () => {
  const balancer = createBalancer({ type: 'chash', nodes: [nodeOf(1883), nodeOf(1884)] })
  const found = counts(many(10_000).map((key) => balancer.pick(key)))
  for (const port of [1883, 1884]) expect(Math.abs((found[port] ?? 0) / 5_000 - 1)).toBeLessThan(0.1)
})

test('a load factor keeps a node at its share, and others take what is over', () => {
  const nodes = [nodeOf(1883), nodeOf(1884), nodeOf(1885)]
  const balancer = createBalancer({ type: 'chash', nodes, maxLoadFactor: 1.1 })
  for (let client = 0; client < 300; client++) {
    // Every client has the same id: without the factor one node would take them all.
    const node = balancer.pick('the same')
    if (node) node.active += 1
  }
  for (const { active } of nodes) expect(active).toBeLessThanOrEqual(Math.ceil((1.1 * 301) / 3))
})
