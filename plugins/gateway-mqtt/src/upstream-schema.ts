import { Type, type Static } from 'typebox'
import { about, closed, Host, Id, Pem, Text } from './schema-parts.ts'

/** Every size of a document has an end. */
const maxNodes = 1_000
const Seconds = Type.Number({ exclusiveMinimum: 0, maximum: 86_400 })
const Count = { minimum: 0, maximum: 254 }

export const UpstreamNode = Type.Object(
  {
    host: Type.Optional(Host),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    weight: Type.Integer({ minimum: 0, maximum: 65_535 }),
    priority: Type.Integer({ minimum: -1_000, maximum: 1_000, default: 0 }),
    metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 64 })),
    local: Type.Optional(Type.Boolean({ description: 'Patchbay’s own MQTT adapter, without a network between' })),
  },
  closed,
)

const healthy = {
  interval: Type.Integer({ minimum: 1, maximum: 86_400, default: 1 }),
  successes: Type.Integer({ minimum: 1, maximum: 254, default: 2 }),
}
const unhealthy = {
  interval: Type.Integer({ minimum: 1, maximum: 86_400, default: 1 }),
  tcp_failures: Type.Integer({ ...Count, default: 2 }),
  timeouts: Type.Integer({ ...Count, default: 3 }),
  http_failures: Type.Integer({ ...Count, default: 5 }),
}
const Statuses = Type.Optional(Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { maxItems: 100 }))

const Checks = Type.Object(
  {
    active: Type.Object(
      {
        type: Type.Enum(['http', 'https', 'tcp', 'mqtt'], { default: 'http' }),
        timeout: Type.Number({ exclusiveMinimum: 0, maximum: 60, default: 1 }),
        concurrency: Type.Integer({ minimum: 1, maximum: 1_000, default: 10 }),
        host: Type.Optional(Host),
        port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
        http_path: Type.String({ maxLength: 1_024, pattern: '^/', default: '/' }),
        https_verify_certificate: Type.Boolean({ default: true }),
        req_headers: Type.Optional(Type.Array(Type.String({ maxLength: 1_024 }), { maxItems: 32 })),
        healthy: Type.Object({ ...healthy, http_statuses: Statuses }, { ...closed, default: {} }),
        unhealthy: Type.Object({ ...unhealthy, http_statuses: Statuses }, { ...closed, default: {} }),
      },
      closed,
    ),
    passive: Type.Optional(
      Type.Object(
        {
          type: Type.Enum(['http', 'https', 'tcp'], { default: 'http' }),
          healthy: Type.Object(
            { successes: Type.Integer({ ...Count, default: 5 }), http_statuses: Statuses },
            { ...closed, default: {} },
          ),
          unhealthy: Type.Object(
            {
              tcp_failures: Type.Integer({ ...Count, default: 2 }),
              timeouts: Type.Integer({ ...Count, default: 7 }),
              http_failures: Type.Integer({ ...Count, default: 5 }),
              http_statuses: Statuses,
            },
            { ...closed, default: {} },
          ),
        },
        closed,
      ),
    ),
  },
  closed,
)

export const Upstream = Type.Object(
  {
    ...about,
    type: Type.Enum(['roundrobin', 'chash', 'least_conn', 'ewma'], { default: 'roundrobin' }),
    nodes: Type.Union([
      Type.Array(UpstreamNode, { maxItems: maxNodes }),
      Type.Record(Type.String({ maxLength: 261 }), Type.Integer({ minimum: 0, maximum: 65_535 }), {
        maxProperties: maxNodes,
      }),
    ]),
    hash_on: Type.Enum(['vars', 'header', 'cookie', 'consumer', 'vars_combinations'], { default: 'vars' }),
    key: Type.Optional(Text(256)),
    retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    retry_timeout: Type.Optional(Type.Number({ minimum: 0, maximum: 3_600 })),
    timeout: Type.Optional(Type.Object({ connect: Seconds, send: Seconds, read: Seconds }, closed)),
    checks: Type.Optional(Checks),
    scheme: Type.Optional(Type.Enum(['tcp', 'tls', 'http', 'https'])),
    tls: Type.Optional(
      Type.Object(
        {
          client_cert: Type.Optional(Pem),
          client_key: Type.Optional(Pem),
          client_cert_id: Type.Optional(Id),
          verify: Type.Optional(Type.Boolean()),
          ca: Type.Optional(Pem),
          server_name: Type.Optional(Host),
        },
        closed,
      ),
    ),
    pass_host: Type.Optional(Type.Enum(['pass', 'node', 'rewrite'])),
    upstream_host: Type.Optional(Host),
    keepalive_pool: Type.Optional(Type.Unknown()),
    max_load_factor: Type.Optional(
      Type.Number({
        minimum: 1.01,
        maximum: 100,
        description: 'chash: a node takes at most this many times its share',
      }),
    ),
    proxy_protocol: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(2)])),
    on_down: Type.Optional(Type.Union([Type.Literal('keep'), Type.Literal('close')])),
  },
  closed,
)
export type Upstream = Static<typeof Upstream>
