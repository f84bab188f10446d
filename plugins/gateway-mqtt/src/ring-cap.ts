import { pointsPerWeight, reduceWeights } from './hash-ring.ts'
import { toNodeList } from './node-list.ts'
import type { Service, Ssl, StreamRoute } from './schemas.ts'
import type { Upstream } from './upstream-schema.ts'

/** Points of one upstream's ring: making it holds up everything else for some tenths of a second at most. */
export const maxRingPoints = 500_000
/** Points of all rings together, which are made anew with every change. */
export const maxAllRingPoints = 1_000_000

/** The points that an upstream's ring has; 0 for one that is balanced without a ring. */
export function ringPointsOf({ type, nodes }: Pick<Upstream, 'type' | 'nodes'>): number {
  const list = toNodeList(nodes)
  if (type !== 'chash' || typeof list === 'string') return 0
  const tiers = Map.groupBy(list, ({ priority }) => priority)
  let points = 0
  for (const tier of tiers.values())
    for (const weight of reduceWeights(tier.map((node) => node.weight))) points += weight * pointsPerWeight
  return points
}

/** The points of everything that a document holds. */
export function ringPointsIn(document: StreamRoute | Upstream | Service | Ssl): number {
  if ('nodes' in document) return ringPointsOf(document)
  if ('cert' in document) return 0
  let points = document.upstream ? ringPointsOf(document.upstream) : 0
  for (const rule of document.plugins?.['traffic-split']?.rules ?? [])
    for (const { upstream } of rule.weighted_upstreams) if (upstream) points += ringPointsOf(upstream)
  return points
}

const advice = 'weights count by their ratio, so smaller ones that share a divisor do the same'

/** A sentence for an upstream whose ring would be too big. */
export const faultOfRing = (upstream: Upstream): string | undefined => {
  const points = ringPointsOf(upstream)
  return points > maxRingPoints
    ? `nodes: their weights make a ring of ${points} points, and ${maxRingPoints} are taken; ${advice}`
    : undefined
}

/** A sentence for a document that would make all rings together too big. */
export const faultOfAllRings = (others: number, points: number): string | undefined =>
  points > 0 && others + points > maxAllRingPoints
    ? `its rings of ${points} points and the ${others} of the others are more than the ${maxAllRingPoints} that are taken; ${advice}`
    : undefined
