import { Type, type Static, type TSchema } from 'typebox'

const Time = Type.String({ format: 'date-time' })
const Count = Type.Integer({ minimum: 0 })
const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) })

export const SessionFacts = Type.Object({
  id: Type.Integer(),
  listener: Type.String({ description: 'Such as gateway-9100' }),
  address: Type.String({ description: 'Of the client; a PROXY header’s, where the listener takes one' }),
  clientId: Type.Optional(Type.String()),
  route: Type.Optional(Type.String()),
  upstream: Type.Optional(
    Type.String({ description: 'Such as upstreams/1, or stream_routes/1 for one inside a route' }),
  ),
  node: Type.Optional(Type.String({ description: 'host:port, or local' })),
  since: Time,
  bytesUp: Count,
  bytesDown: Count,
})
export type SessionFacts = Static<typeof SessionFacts>

export const NodeFacts = Type.Object({
  upstream: Type.String(),
  type: Type.String({ description: 'How the upstream is balanced' }),
  node: Type.String(),
  weight: Count,
  priority: Type.Integer(),
  state: Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy')]),
  draining: Type.Integer({ description: 'Sessions that are ended each second; 0 = it is not drained' }),
  reason: Type.Optional(Type.String({ description: 'Why it is unhealthy' })),
  checked: Type.Boolean({ description: 'Its upstream has checks' }),
  active: Type.Integer({ description: 'Open sessions' }),
  sessions: Type.Integer({ description: 'Sessions since the start' }),
  failures: Type.Integer({ description: 'Failed tries to reach it' }),
  bytesUp: Count,
  bytesDown: Count,
  connectMs: Type.Number({ description: 'Smoothed time that its connections took to stand' }),
})
export type NodeFacts = Static<typeof NodeFacts>

export const RouteFacts = Type.Object({
  route: Type.String(),
  accepted: Count,
  refused: Count,
  bytesUp: Count,
  bytesDown: Count,
})
export type RouteFacts = Static<typeof RouteFacts>

/** What a certificate says of itself, for people who look after it; its key is not in it. */
export const CertificateFacts = Type.Object({
  id: Type.String(),
  type: Type.Union([Type.Literal('server'), Type.Literal('client')]),
  enabled: Type.Boolean(),
  names: Type.Array(Type.String()),
  fault: Type.Optional(Type.String({ description: 'Why it cannot be read, instead of what follows' })),
  subject: Type.Optional(Type.String()),
  issuer: Type.Optional(Type.String()),
  validFrom: Type.Optional(Time),
  validTo: Type.Optional(Time),
  fingerprint: Type.Optional(Type.String({ description: 'SHA-256' })),
  clientAuthority: Type.Optional(Type.String({ description: 'Clients need a certificate of this authority' })),
})
export type CertificateFacts = Static<typeof CertificateFacts>

export const Simulation = Type.Object({
  nodes: Type.Array(
    Type.Object({
      node: Type.String(),
      weight: Count,
      newWeight: Count,
      arc: Type.Number({ description: 'The part of the ring that it has now' }),
      newArc: Type.Number({ description: 'The part that it would have' }),
      clients: Type.Integer({ description: 'So many of the client ids' }),
    }),
  ),
  placement: Type.Array(Type.Object({ clientId: Type.String(), node: Type.String(), now: Type.String() })),
  ring: Type.Optional(
    Type.Object(
      { now: Type.Array(Type.Integer()), after: Type.Array(Type.Integer()) },
      { description: 'For drawing: to whom each slice of the ring goes, as places in nodes' },
    ),
  ),
  sessions: Type.Object({ total: Count, moved: Count }, { description: 'Of the live sessions with a client id' }),
})
export type Simulation = Static<typeof Simulation>

export const SessionsQuery = Type.Object({
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$' })),
  cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
  clientId: Type.Optional(Type.String({ maxLength: 65_535 })),
  node: Type.Optional(Type.String({ maxLength: 300 })),
  route: Type.Optional(Type.String({ maxLength: 64 })),
  search: Type.Optional(
    Type.String({ maxLength: 256, description: 'A part of the client id or the address, in any case' }),
  ),
})
export const SessionId = Type.Object({ id: Type.String({ pattern: '^[0-9]{1,15}$' }) })

export const DrainBody = Type.Object(
  {
    upstream: Type.String({ minLength: 1, maxLength: 128 }),
    node: Type.String({ minLength: 1, maxLength: 300 }),
    perSecond: Type.Integer({ minimum: 0, maximum: 10_000, description: '0 ends it' }),
  },
  { additionalProperties: false },
)
export const Drained = Type.Object({ node: Type.String(), draining: Count, active: Count })

export const SessionPage = pageOf(SessionFacts)
export const NodePage = pageOf(NodeFacts)
export const RoutePage = pageOf(RouteFacts)
export const CertificatePage = pageOf(CertificateFacts)
