import type { Gateway } from './gateway.ts'
import type { Session } from './session.ts'

const toIso = (ms: number): string => new Date(ms).toISOString()

export const toSession = (session: Session) => ({
  id: session.id,
  listener: session.listener,
  address: session.address,
  ...(session.clientId === undefined ? {} : { clientId: session.clientId }),
  ...(session.route ? { route: session.route.id } : {}),
  ...(session.upstream ? { upstream: session.upstream.key } : {}),
  ...(session.node ? { node: session.node.name } : {}),
  since: toIso(session.sinceMs),
  bytesUp: session.bytesUp,
  bytesDown: session.bytesDown,
})

/** Sessions in the order in which they came, those after a cursor. */
export function listSessions(
  { sessions }: Gateway,
  query: { limit: number; cursor: number; clientId?: string; node?: string },
) {
  const items: ReturnType<typeof toSession>[] = []
  for (const session of sessions.values()) {
    if (session.id <= query.cursor) continue
    if (query.clientId !== undefined && session.clientId !== query.clientId) continue
    if (query.node !== undefined && session.node?.name !== query.node) continue
    if (items.length === query.limit) return { items, nextCursor: String(items.at(-1)?.id) }
    items.push(toSession(session))
  }
  return { items, nextCursor: null }
}

interface Bytes {
  up: number
  down: number
}

/** What open sessions have carried, by what `keyOf` says of them. Those that have ended are counted already. */
function liveBytes<K>(gateway: Gateway, keyOf: (session: Session) => K): Map<K, Bytes> {
  const found = new Map<K, Bytes>()
  for (const session of gateway.sessions.values()) {
    const bytes = found.get(keyOf(session)) ?? { up: 0, down: 0 }
    bytes.up += session.bytesUp
    bytes.down += session.bytesDown
    found.set(keyOf(session), bytes)
  }
  return found
}

export function listNodes(gateway: Gateway) {
  const live = liveBytes(gateway, ({ node }) => node)
  return [...gateway.configuration.upstreams.values()].flatMap((upstream) =>
    upstream.nodes.map((node) => ({
      upstream: upstream.key,
      node: node.name,
      weight: node.weight,
      priority: node.priority,
      state: node.state,
      draining: node.draining,
      ...(node.reason === undefined ? {} : { reason: node.reason }),
      checked: upstream.document.checks !== undefined,
      active: node.active,
      sessions: node.sessions,
      failures: node.failures,
      bytesUp: node.bytesUp + (live.get(node)?.up ?? 0),
      bytesDown: node.bytesDown + (live.get(node)?.down ?? 0),
      connectMs: Math.round(node.connectMs * 1_000) / 1_000,
    })),
  )
}

export function listRoutes(gateway: Gateway) {
  const live = liveBytes(gateway, ({ route }) => route?.id)
  return gateway.configuration.routes.map(({ id, counts }) => ({
    route: id,
    accepted: counts.accepted,
    refused: counts.refused,
    bytesUp: counts.bytesUp + (live.get(id)?.up ?? 0),
    bytesDown: counts.bytesDown + (live.get(id)?.down ?? 0),
  }))
}

const label = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** The same in Prometheus' text. */
export function toMetrics(gateway: Gateway): string {
  const lines: string[] = []
  const add = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    rows: readonly (readonly [string, number])[],
  ): void => {
    lines.push(`# HELP patchbay_gateway_${name} ${help}`, `# TYPE patchbay_gateway_${name} ${type}`)
    for (const [labels, value] of rows) lines.push(`patchbay_gateway_${name}${labels} ${value}`)
  }
  const nodes = listNodes(gateway)
  const routes = listRoutes(gateway)
  const ofNode = ({ upstream, node }: (typeof nodes)[number]): string =>
    `{upstream="${label(upstream)}",node="${label(node)}"}`
  add('connections', 'gauge', 'Open connections', [['', gateway.sessions.size]])
  add(
    'node_up',
    'gauge',
    'The node is healthy',
    nodes.map((node) => [ofNode(node), node.state === 'healthy' ? 1 : 0]),
  )
  add(
    'node_active',
    'gauge',
    'Open sessions of the node',
    nodes.map((node) => [ofNode(node), node.active]),
  )
  add(
    'node_sessions_total',
    'counter',
    'Sessions that reached the node',
    nodes.map((node) => [ofNode(node), node.sessions]),
  )
  add(
    'node_failures_total',
    'counter',
    'Failed tries to reach the node',
    nodes.map((node) => [ofNode(node), node.failures]),
  )
  add('node_bytes_total', 'counter', 'Bytes to (up) and from (down) the node', [
    ...nodes.map((node) => [ofNode(node).replace('}', ',direction="up"}'), node.bytesUp] as const),
    ...nodes.map((node) => [ofNode(node).replace('}', ',direction="down"}'), node.bytesDown] as const),
  ])
  const ofRoute = (route: string): string => `{route="${label(route)}"}`
  add(
    'route_accepted_total',
    'counter',
    'Connections passed on',
    routes.map(({ route, accepted }) => [ofRoute(route), accepted]),
  )
  add(
    'route_refused_total',
    'counter',
    'Connections refused',
    routes.map(({ route, refused }) => [ofRoute(route), refused]),
  )
  return `${lines.join('\n')}\n`
}
