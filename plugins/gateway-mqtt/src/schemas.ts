import { Type, type Static, type TSchema } from 'typebox'
import { StreamPlugins } from './plugin-schemas.ts'
import { about, Address, closed, Id, Pem, Text } from './schema-parts.ts'
import { Upstream } from './upstream-schema.ts'

export const StreamRoute = Type.Object(
  {
    ...about,
    remote_addr: Type.Optional(Address),
    server_addr: Type.Optional(Address),
    server_port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    sni: Type.Optional(Type.String({ minLength: 1, maxLength: 253, pattern: '^(\\*\\.)?[A-Za-z0-9._-]+$' })),
    upstream: Type.Optional(Upstream),
    upstream_id: Type.Optional(Id),
    service_id: Type.Optional(Id),
    plugins: Type.Optional(StreamPlugins),
  },
  closed,
)
export type StreamRoute = Static<typeof StreamRoute>

export const Service = Type.Object(
  {
    ...about,
    upstream: Type.Optional(Upstream),
    upstream_id: Type.Optional(Id),
    plugins: Type.Optional(StreamPlugins),
  },
  closed,
)
export type Service = Static<typeof Service>

export const Ssl = Type.Object(
  {
    ...about,
    type: Type.Union([Type.Literal('server'), Type.Literal('client')], { default: 'server' }),
    cert: Pem,
    key: Pem,
    certs: Type.Optional(Type.Array(Pem, { maxItems: 4, description: 'Of other kinds: ECDSA beside RSA, say' })),
    keys: Type.Optional(Type.Array(Pem, { maxItems: 4 })),
    sni: Type.Optional(Text(253)),
    snis: Type.Optional(Type.Array(Text(253), { minItems: 1, maxItems: 100 })),
    client: Type.Optional(
      Type.Object({ ca: Pem, depth: Type.Integer({ minimum: 0, maximum: 10, default: 1 }) }, closed),
    ),
    status: Type.Union([Type.Literal(0), Type.Literal(1)], { default: 1 }),
    ssl_protocols: Type.Optional(
      Type.Array(Type.Enum(['TLSv1.1', 'TLSv1.2', 'TLSv1.3']), { minItems: 1, maxItems: 3 }),
    ),
  },
  closed,
)
export type Ssl = Static<typeof Ssl>

/** The resources by the names of the Admin API and of the file. */
export const resources = {
  stream_routes: StreamRoute,
  upstreams: Upstream,
  services: Service,
  ssls: Ssl,
} as const satisfies Record<string, TSchema>
export type ResourceName = keyof typeof resources
export const resourceNames = [
  'stream_routes',
  'upstreams',
  'services',
  'ssls',
] as const satisfies readonly ResourceName[]
export const isResourceName = (name: string): name is ResourceName => Object.hasOwn(resources, name)
