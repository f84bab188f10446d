import { expect, test } from 'vitest'
import { createAdmin } from '../src/admin.ts'
import { readLists } from '../src/document-lists.ts'
import { readDocument } from '../src/document.ts'
import { readListeners } from '../src/listeners.ts'
import type { ResourceName } from '../src/schemas.ts'

const upstream = { nodes: { 'a.example:1883': 1 } }
const pem = '-----BEGIN CERTIFICATE-----'
const route = (more: object): object => ({ upstream, ...more })
const plugin = (name: string, conf: unknown): object => route({ plugins: { [name]: conf } })
const split = (rules: unknown): object => plugin('traffic-split', { rules })

/** Each form that APISIX has and the gateway has not: where it is found, and a word of what to write instead. */
const forms: [resource: ResourceName, value: object, where: string, instead: string][] = [
  ['upstreams', { service_name: 'mqtt', discovery_type: 'dns' }, 'service_name', 'list the nodes'],
  ['upstreams', { ...upstream, discovery_args: {} }, 'discovery_args', 'list the nodes'],
  ['upstreams', { ...upstream, scheme: 'udp' }, 'scheme', 'use tcp or tls'],
  ['upstreams', { ...upstream, scheme: 'kafka' }, 'scheme', 'use tcp or tls'],
  ['upstreams', { ...upstream, enable_websocket: true }, 'enable_websocket', 'leave it out'],
  [
    'upstreams',
    { ...upstream, tls: { client_cert: pem, client_key: '$secret://vault/1/key' } },
    'tls/client_key',
    '{{NAME}}',
  ],
  ['stream_routes', route({ protocol: { name: 'redis' } }), 'protocol', 'mqtt-proxy'],
  ['stream_routes', route({ uri: '/x' }), 'uri', 'server_port'],
  ['stream_routes', route({ hosts: ['a.example'] }), 'hosts', 'sni'],
  ['stream_routes', route({ remote_addrs: ['10.0.0.1'] }), 'remote_addrs', 'CIDR'],
  ['stream_routes', route({ plugin_config_id: 1 }), 'plugin_config_id', 'service_id'],
  ['stream_routes', route({ status: 1 }), 'status', 'leave it out'],
  ['stream_routes', { upstream: { service_name: 'x' } }, 'upstream/service_name', 'list the nodes'],
  ['services', { upstream, hosts: ['a.example'] }, 'hosts', 'leave it out'],
  ['stream_routes', plugin('syslog', {}), 'plugins/syslog', '/api/v1/refusals'],
  ['stream_routes', plugin('kafka-logger', {}), 'plugins/kafka-logger', '/api/v1/refusals'],
  ['stream_routes', plugin('key-auth', {}), 'plugins/key-auth', 'limit-conn'],
  ['services', { upstream, plugins: { 'limit-req': {} } }, 'plugins/limit-req', 'limit-conn'],
  [
    'stream_routes',
    plugin('mqtt-proxy', { protocol_level: 4, _meta: { disable: true } }),
    'plugins/mqtt-proxy/_meta',
    'leave the plugin out',
  ],
  [
    'stream_routes',
    plugin('mqtt-proxy', { protocol_level: 4, upstream: { ip: '127.0.0.1', port: 1 } }),
    'plugins/mqtt-proxy/upstream',
    'of the route itself',
  ],
  [
    'stream_routes',
    plugin('limit-conn', { conn: 1, burst: 0, key: 'remote_addr', rejected_code: 503 }),
    'plugins/limit-conn/rejected_code',
    'leave it out',
  ],
  [
    'stream_routes',
    plugin('limit-conn', { conn: 1, burst: 0, key: 'remote_addr', policy: 'redis' }),
    'plugins/limit-conn/policy',
    'leave it out',
  ],
  [
    'stream_routes',
    plugin('ip-restriction', { whitelist: ['::1'], response_code: 403 }),
    'plugins/ip-restriction/response_code',
    'leave it out',
  ],
  [
    'stream_routes',
    split([{ match: [], weighted_upstreams: [{ weight: 1 }] }]),
    'plugins/traffic-split/rules/0/match',
    'a route of its own',
  ],
  [
    'stream_routes',
    split([{ weighted_upstreams: [{ weight: 1 }] }, { weighted_upstreams: [{ weight: 1 }] }]),
    'plugins/traffic-split/rules/1',
    'give one rule',
  ],
  [
    'stream_routes',
    split([{ weighted_upstreams: [{ upstream: { service_name: 'x' } }] }]),
    'weighted_upstreams/0/upstream/service_name',
    'list the nodes',
  ],
  ['ssls', { sni: 'a.example', cert: pem, key: '$env://KEY' }, 'key', '{{NAME}}'],
  ['ssls', { sni: 'a.example', cert: pem, key: pem, gm: true }, 'gm', 'ECDSA'],
  [
    'ssls',
    { sni: 'a.example', cert: pem, key: pem, client: { ca: pem, skip_mtls_uri_regex: ['/x'] } },
    'client/skip_mtls_uri_regex',
    'leave it out',
  ],
]

test.each(forms)('%s %j is refused by name (%s), with what to write instead', (resource, value, where, instead) => {
  const read = readDocument(resource, value)
  const fault = 'fault' in read ? read.fault : ''
  expect(fault).toContain(`${where}" is not supported: `)
  expect(fault).toContain(instead)
})

test('lists of a file that are not there say what does the same here; what APISIX writes itself is no fault', () => {
  const kinds = ['routes', 'consumers', 'plugin_configs', 'global_rules', 'plugin_metadata', 'secrets', 'protos']
  const lists = readLists({
    ...Object.fromEntries(kinds.map((kind) => [kind, []])),
    stream_routes_conf_version: 3,
    plugins: [{ name: 'mqtt-proxy', stream: true }, { name: 'key-auth' }, { name: 'syslog', stream: true }],
    upstreams: [{ id: 1, ...upstream, create_time: 1, update_time: 2 }],
  })
  expect(lists.documents.upstreams.size).toBe(1)
  expect(lists.problems).toHaveLength(kinds.length + 1)
  for (const kind of kinds)
    expect(lists.problems).toContainEqual(
      expect.stringMatching(new RegExp(`^${kind} is not a list .*there are stream_routes`)),
    )
  expect(lists.problems).toContainEqual(expect.stringMatching(/^plugins\/syslog: .*\/api\/v1\/refusals/))
})

test('config.yaml: what does nothing here is named, with what does it', () => {
  const { listeners, problems } = readListeners({
    apisix: {
      stream_proxy: { tcp: [9100, { addr: 9101, tsl: true }], udp: [53] },
      ssl: { fallback_sni: 'a.example', ssl_protocols: 'TLSv1.2' },
    },
    deployment: {
      admin: { admin_key: [{ key: 'x' }] },
      etcd: { host: ['http://e'] },
      role_data_plane: { config_provider: 'json' },
    },
    nginx_config: { stream: { real_ip_from: ['10.0.0.1'] } },
  })
  expect(listeners.map(({ port }) => port)).toEqual([9100, 9101])
  const said = [
    'UDP',
    'fallbackName',
    'ssl_protocols of each',
    'X-API-KEY',
    'by the Admin API',
    'PATCHBAY_TRUSTED_PROXIES',
    'apisix.yaml',
    'tsl',
  ]
  expect(said.filter((word) => !problems.some((problem) => problem.includes(word)))).toEqual([])
  expect(problems).toHaveLength(said.length)
})

test('the Admin API says of a kind that is not there which ones are', async () => {
  const admin = createAdmin({ stored: {} as never, sources: {} as never, nowSeconds: () => 0 })
  const ask = (method: string, ...segments: string[]) => admin.handle({ method, segments, query: {}, body: {} })
  for (const [segments, word] of [
    [['routes', '1'], 'HTTP routes are not served here'],
    [['consumers'], 'there are stream_routes, upstreams, services and ssls'],
    [['schema', 'validate', 'routes'], 'HTTP routes are not served here'],
    [['configs'], 'apisix.yaml'],
    [['configs', 'validate'], 'schema/validate'],
  ] as const)
    expect(await ask('POST', ...segments)).toMatchObject({
      status: 404,
      body: { error_msg: expect.stringContaining(word) },
    })
})
