/** What `/api/v1/gateway` answers. */
export interface LiveNode {
  upstream: string
  type: string
  node: string
  weight: number
  priority: number
  state: 'healthy' | 'unhealthy'
  draining: number
  reason?: string
  checked: boolean
  active: number
  sessions: number
  failures: number
  bytesUp: number
  bytesDown: number
  connectMs: number
}
export interface LiveRoute {
  route: string
  accepted: number
  refused: number
  bytesUp: number
  bytesDown: number
}
export interface LiveSession {
  id: number
  listener: string
  address: string
  clientId?: string
  route?: string
  upstream?: string
  node?: string
  since: string
  bytesUp: number
  bytesDown: number
}
export interface CertificateFacts {
  id: string
  type: 'server' | 'client'
  enabled: boolean
  names: string[]
  fault?: string
  subject?: string
  issuer?: string
  validFrom?: string
  validTo?: string
  fingerprint?: string
  clientAuthority?: string
}
export interface Simulation {
  nodes: { node: string; weight: number; newWeight: number; arc: number; newArc: number; clients: number }[]
  placement: { clientId: string; node: string; now: string }[]
  ring?: { now: number[]; after: number[] }
  sessions: { total: number; moved: number }
}

/** Where an upstream is written: the kind and id of its object, and the place in it. */
export const placeOf = (
  upstream: string,
): { kind: 'upstreams' | 'stream_routes' | 'services'; id: string; path: string[] } => {
  const [kind, id = '', split, at] = upstream.split('/')
  if (kind === 'upstreams') return { kind, id, path: [] }
  const path = split === 'split' ? ['plugins', 'traffic-split', 'rules', '0', 'weighted_upstreams', at ?? '0'] : []
  return { kind: kind === 'services' ? 'services' : 'stream_routes', id, path: [...path, 'upstream'] }
}
const pageOf = { upstreams: 'upstreams', stream_routes: 'routes', services: 'services' } as const
/** The page on which an upstream is edited. */
export const linkOf = (upstream: string): string => {
  const { kind, id } = placeOf(upstream)
  return `/gateway/${pageOf[kind]}/${encodeURIComponent(id)}`
}
