import type { MetricFamily } from '@patchbay/sdk'
import type { Gateway } from './gateway.ts'
import type { NodeFacts, RouteFacts, SessionFacts } from './overview-schemas.ts'
import type { Session } from './session.ts'

const toIso = (ms: number): string => new Date(ms).toISOString()

const toSession = (session: Session): SessionFacts => ({
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

export interface SessionQuery {
  limit: number
  cursor: number
  clientId?: string
  node?: string
  route?: string
  /** A part of the client id or the address, in any case. */
  search?: string
}

/** Sessions in the order in which they came, those after a cursor. */
export function listSessions({ sessions }: Gateway, query: SessionQuery) {
  const search = query.search?.toLowerCase()
  const items: SessionFacts[] = []
  for (const session of sessions.values()) {
    if (session.id <= query.cursor) continue
    if (query.clientId !== undefined && session.clientId !== query.clientId) continue
    if (query.node !== undefined && session.node?.name !== query.node) continue
    if (query.route !== undefined && session.route?.id !== query.route) continue
    if (search !== undefined && !`${session.clientId ?? ''} ${session.address}`.toLowerCase().includes(search)) continue
    if (items.length === query.limit) return { items, nextCursor: String(items.at(-1)?.id) }
    session.measure()
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
    session.measure()
    const bytes = found.get(keyOf(session)) ?? { up: 0, down: 0 }
    bytes.up += session.bytesUp
    bytes.down += session.bytesDown
    found.set(keyOf(session), bytes)
  }
  return found
}

export function listNodes(gateway: Gateway): NodeFacts[] {
  const live = liveBytes(gateway, ({ node }) => node)
  return [...gateway.configuration.upstreams.values()].flatMap((upstream) =>
    upstream.nodes.map((node) => ({
      upstream: upstream.key,
      type: upstream.document.type,
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

export function listRoutes(gateway: Gateway): RouteFacts[] {
  const live = liveBytes(gateway, ({ route }) => route?.id)
  return gateway.configuration.routes.map(({ id, counts }) => ({
    route: id,
    accepted: counts.accepted,
    refused: counts.refused,
    bytesUp: counts.bytesUp + (live.get(id)?.up ?? 0),
    bytesDown: counts.bytesDown + (live.get(id)?.down ?? 0),
  }))
}

/** The same as figures of the platform's `/metrics`. */
export function toMetrics(gateway: Gateway): MetricFamily[] {
  const nodes = listNodes(gateway)
  const routes = listRoutes(gateway)
  type Row = MetricFamily['rows'][number]
  const family = (name: string, type: MetricFamily['type'], help: string, rows: readonly Row[]): MetricFamily => ({
    name: `patchbay_gateway_${name}`,
    type,
    help,
    rows,
  })
  const ofNodes = (value: (node: (typeof nodes)[number]) => number, more: Record<string, string> = {}): Row[] =>
    nodes.map((of) => ({ labels: { upstream: of.upstream, node: of.node, ...more }, value: value(of) }))
  const ofRoutes = (value: (route: (typeof routes)[number]) => number, more: Record<string, string> = {}): Row[] =>
    routes.map((of) => ({ labels: { route: of.route, ...more }, value: value(of) }))
  const up = { direction: 'up' }
  const down = { direction: 'down' }
  return [
    family('connections', 'gauge', 'Open connections', [{ value: gateway.sessions.size }]),
    family(
      'node_up',
      'gauge',
      'The node is healthy',
      ofNodes(({ state }) => (state === 'healthy' ? 1 : 0)),
    ),
    family(
      'node_draining',
      'gauge',
      'Sessions of the node that are ended each second',
      ofNodes(({ draining }) => draining),
    ),
    family(
      'node_active',
      'gauge',
      'Open sessions of the node',
      ofNodes(({ active }) => active),
    ),
    family(
      'node_sessions_total',
      'counter',
      'Sessions that reached the node',
      ofNodes(({ sessions }) => sessions),
    ),
    family(
      'node_failures_total',
      'counter',
      'Failed tries to reach the node',
      ofNodes(({ failures }) => failures),
    ),
    family('node_bytes_total', 'counter', 'Bytes to (up) and from (down) the node', [
      ...ofNodes(({ bytesUp }) => bytesUp, up),
      ...ofNodes(({ bytesDown }) => bytesDown, down),
    ]),
    family(
      'route_accepted_total',
      'counter',
      'Connections passed on',
      ofRoutes(({ accepted }) => accepted),
    ),
    family(
      'route_refused_total',
      'counter',
      'Connections refused',
      ofRoutes(({ refused }) => refused),
    ),
    family('route_bytes_total', 'counter', 'Bytes to (up) and from (down) the nodes of the route', [
      ...ofRoutes(({ bytesUp }) => bytesUp, up),
      ...ofRoutes(({ bytesDown }) => bytesDown, down),
    ]),
  ]
}
