import { createHashRing, hashOf } from './hash-ring.ts'
import type { Node } from './node.ts'

export type BalancerType = 'chash' | 'roundrobin' | 'least_conn' | 'ewma'

export interface Balancer {
  /**
   * The node for a key, without those that were tried already: of the highest priority that has a healthy one. Where no node at all is
   * healthy, all are taken for healthy. undefined = every node was tried.
   */
  pick(key: Uint8Array | string, tried?: ReadonlySet<Node>): Node | undefined
}

type Usable = (node: Node) => boolean
/** Healthy, and not being emptied. */
export const isReady: Usable = ({ state, draining }) => state === 'healthy' && draining === 0
type Tier = (hash: number, usable: Usable) => Node | undefined

export interface BalancerOptions {
  type: BalancerType
  nodes: readonly Node[]
  /** chash: a node with more than this many times its share is passed by. */
  maxLoadFactor?: number | undefined
}

/** A node of weight 0 is served by nobody, unless all are. */
const hasShare = (nodes: readonly Node[]): Usable => {
  const none = nodes.every(({ weight }) => weight === 0)
  return ({ weight }) => none || weight > 0
}

function createChash(nodes: readonly Node[], maxLoadFactor: number | undefined): Tier {
  const ring = createHashRing(nodes)
  const at = (index: number): Node => nodes[index] ?? fail(index)
  return (hash, usable) => {
    const isUsable = (index: number): boolean => usable(at(index))
    let index: number | undefined
    if (maxLoadFactor !== undefined) {
      const up = nodes.filter(usable)
      const weights = up.reduce((sum, { weight }) => sum + weight, 0)
      const active = up.reduce((sum, node) => sum + node.active, 1)
      const isFree = (node: Node): boolean =>
        weights === 0 || node.active + 1 <= Math.ceil((maxLoadFactor * active * node.weight) / weights)
      index = ring.pick(hash, (candidate) => isUsable(candidate) && isFree(at(candidate)))
    }
    index ??= ring.pick(hash, isUsable)
    return index === undefined ? undefined : at(index)
  }
}

const fail = (index: number): never => {
  throw new RangeError(`The ring names node ${index}, which is not there.`)
}

/** Smooth weighted round robin: nobody gets two in a row where another waits. */
function createRoundRobin(nodes: readonly Node[]): Tier {
  const takesPart = hasShare(nodes)
  const credit = new Map<Node, number>(nodes.map((node) => [node, 0]))
  return (_, usable) => {
    let best: Node | undefined
    let total = 0
    for (const node of nodes) {
      if (!takesPart(node) || !usable(node)) continue
      const weight = Math.max(node.weight, 1)
      total += weight
      const now = (credit.get(node) ?? 0) + weight
      credit.set(node, now)
      if (!best || now > (credit.get(best) ?? 0)) best = node
    }
    if (best) credit.set(best, (credit.get(best) ?? 0) - total)
    return best
  }
}

function createLeast(nodes: readonly Node[], score: (node: Node) => number): Tier {
  const takesPart = hasShare(nodes)
  return (_, usable) => {
    let best: Node | undefined
    for (const node of nodes) if (takesPart(node) && usable(node) && (!best || score(node) < score(best))) best = node
    return best
  }
}

const byConnections = (node: Node): number => (node.active + 1) / Math.max(node.weight, 1)
const byLatency = (node: Node): number => (node.connectMs * (node.active + 1)) / Math.max(node.weight, 1)

function createTier({ type, maxLoadFactor }: BalancerOptions, nodes: readonly Node[]): Tier {
  if (type === 'chash') return createChash(nodes, maxLoadFactor)
  if (type === 'roundrobin') return createRoundRobin(nodes)
  return createLeast(nodes, type === 'ewma' ? byLatency : byConnections)
}

export function createBalancer(options: BalancerOptions): Balancer {
  const { nodes } = options
  const priorities = [...new Set(nodes.map(({ priority }) => priority))].toSorted((a, b) => b - a)
  const tiers = priorities.map((priority) =>
    createTier(
      options,
      nodes.filter((node) => node.priority === priority),
    ),
  )
  return {
    pick(key, tried) {
      const hash = options.type === 'chash' ? hashOf(key) : 0
      const someReady = nodes.some(isReady)
      const usable: Usable = (node) => !tried?.has(node) && (!someReady || isReady(node))
      for (const tier of tiers) {
        const node = tier(hash, usable)
        if (node) return node
      }
      return undefined
    },
  }
}
