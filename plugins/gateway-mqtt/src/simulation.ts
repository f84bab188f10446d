import { Type, type Static } from 'typebox'
import { createBalancer, isReady } from './balancer.ts'
import type { Configuration } from './configuration.ts'
import { createHashRing, hashSpace, pointsPerWeight, reduceWeights } from './hash-ring.ts'
import { createNode, type Node } from './node.ts'
import type { Simulation } from './overview-schemas.ts'
import type { Session } from './session.ts'
import type { LiveUpstream } from './upstream.ts'

export const SimulationBody = Type.Object(
  {
    upstream: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Such as upstreams/1, or stream_routes/1 for one inside a route',
    }),
    clientIds: Type.Optional(Type.Array(Type.String({ maxLength: 65_535 }), { maxItems: 10_000, default: [] })),
    weights: Type.Optional(
      Type.Record(Type.String({ maxLength: 300 }), Type.Integer({ minimum: 0, maximum: 65_535 }), {
        maxProperties: 1_000,
      }),
    ),
    slices: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_440,
        description: 'Answers whose each of so many equal parts of the ring is',
      }),
    ),
  },
  { additionalProperties: false },
)
export type SimulationBody = Static<typeof SimulationBody>

/** Points of the rings that one simulation may make: a question must not cost more than a moment. */
const maxPoints = 1_000_000
const pointsOf = (nodes: readonly Node[]): number =>
  reduceWeights(nodes.map(({ weight }) => weight)).reduce((sum, weight) => sum + weight, 0) * pointsPerWeight

/** The ring of those nodes that are served: of the highest priority that has a node which is ready, as the balancer does it. */
function createServedRing(nodes: readonly Node[]) {
  const ready = nodes.filter(isReady)
  const taken = ready.length > 0 ? ready : nodes
  const highest = taken.reduce((most, { priority }) => Math.max(most, priority), Number.NEGATIVE_INFINITY)
  const places = [...nodes.keys()].filter((place) => nodes[place]?.priority === highest)
  const served = places.flatMap((place) => nodes[place] ?? [])
  const ring = createHashRing(served)
  const isUsable = (index: number): boolean => ready.length === 0 || ready.some((node) => node === served[index])
  return {
    arc: (place: number): number => (places.includes(place) ? ring.arc(places.indexOf(place)) : 0),
    slices: (count: number): number[] =>
      Array.from({ length: count }, (_, slice) => {
        const owner = ring.pick(Math.floor(((slice + 0.5) * hashSpace) / count), isUsable)
        return owner === undefined ? -1 : (places[owner] ?? -1)
      }),
  }
}

const copyOf = (node: Node, weight: number): Node => ({
  ...createNode({ ...node, weight }),
  state: node.state,
  draining: node.draining,
})

/**
 * Where client ids are placed, and what other weights would move. Weight is the one thing that is changed: nodes that are down count as down
 * in both.
 */
export function simulate(
  upstream: LiveUpstream,
  { clientIds = [], weights = {}, slices }: Omit<SimulationBody, 'upstream'>,
  sessions: Iterable<Session>,
): Simulation | string {
  if (upstream.document.type !== 'chash')
    return `${upstream.key} is of type ${upstream.document.type}: only chash places by client id`
  const unknown = Object.keys(weights).find((name) => !upstream.nodes.some((node) => node.name === name))
  if (unknown !== undefined) return `${upstream.key} has no node ${unknown}`
  const weightOf = (node: Node): number => (Object.hasOwn(weights, node.name) ? (weights[node.name] ?? 0) : node.weight)
  const now = upstream.nodes.map((node) => copyOf(node, node.weight))
  const then = upstream.nodes.map((node) => copyOf(node, weightOf(node)))
  if (pointsOf(now) + pointsOf(then) > maxPoints)
    return 'These weights make a ring too big to try; weights count by their ratio, so smaller ones do the same'
  const balancers = [now, then].map((nodes) => createBalancer({ type: 'chash', nodes }))
  const place = (key: string): [string, string] => [
    balancers[0]?.pick(key)?.name ?? '',
    balancers[1]?.pick(key)?.name ?? '',
  ]
  const [ring, newRing] = [createServedRing(now), createServedRing(then)]
  const counts = new Map<string, number>()
  const placement = clientIds.map((clientId) => {
    const [before, node] = place(clientId)
    counts.set(node, (counts.get(node) ?? 0) + 1)
    return { clientId, node, now: before }
  })
  let total = 0
  let moved = 0
  for (const { upstream: of, clientId, node } of sessions) {
    if (of?.key !== upstream.key || !clientId || !node) continue
    total += 1
    if (place(clientId)[1] !== node.name) moved += 1
  }
  return {
    nodes: upstream.nodes.map((node, index) => ({
      node: node.name,
      weight: node.weight,
      newWeight: weightOf(node),
      arc: ring.arc(index),
      newArc: newRing.arc(index),
      clients: counts.get(node.name) ?? 0,
    })),
    placement,
    ...(slices === undefined ? {} : { ring: { now: ring.slices(slices), after: newRing.slices(slices) } }),
    sessions: { total, moved },
  }
}

/** An upstream by its place; a bare id is one of the upstreams. */
export const findUpstream = ({ upstreams }: Configuration, key: string): LiveUpstream | undefined =>
  upstreams.get(key) ?? upstreams.get(`upstreams/${key}`)
