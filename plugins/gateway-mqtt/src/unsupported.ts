import { resourceNames } from './schemas.ts'

/** Says what to write instead of a form of APISIX that is not there; undefined = nothing is known of it. */
type Advice = Readonly<Record<string, string>>

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const recordsIn = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : [])
const all = (names: readonly string[], advice: string): Advice =>
  Object.fromEntries(names.map((name) => [name, advice]))

export const streamPlugins = ['ip-restriction', 'limit-conn', 'mqtt-proxy', 'prometheus', 'traffic-split'] as const

const discovery =
  'service discovery is not there; list the nodes under nodes, where a DNS name is looked up again after 10 s'
const ofHttp = 'this is of HTTP, which the gateway does not serve; leave it out'
const ofUpstream: Advice = {
  ...all(['service_name', 'discovery_type', 'discovery_args'], discovery),
  ...all(['enable_websocket', 'k8s_deployment_info'], ofHttp),
}
const schemes: Advice = {
  udp: 'UDP is not carried; use tcp or tls',
  ...all(['grpc', 'grpcs', 'kafka'], 'this is no protocol of streams; use tcp or tls'),
}

const httpRoute =
  'this is of an HTTP route; a stream route is chosen by server_port, server_addr, remote_addr and sni, so say it by those'
const ofRoute: Advice = {
  protocol:
    'xRPC protocols are not there; leave it out, and use the plugin mqtt-proxy for MQTT or no plugin for any other TCP',
  remote_addrs: 'give one remote_addr, which may be a CIDR, or make a route for each',
  plugin_config_id: 'plugin_configs are not there; put the plugins into the route, or into a service (service_id)',
  ...all(['uri', 'uris', 'host', 'hosts', 'vars', 'methods', 'filter_func', 'script'], httpRoute),
  ...all(['priority', 'status', 'enable_websocket'], 'a stream route does not have it; leave it out'),
}
const ofService: Advice = all(['hosts', 'script', 'enable_websocket'], ofHttp)
const ofSsl: Advice = { gm: 'certificates of GM/T are not there; use RSA or ECDSA' }
const ofClient: Advice = {
  skip_mtls_uri_regex: 'a stream has no URIs; leave it out, every client of this name needs a certificate',
}

const otherwiseLogged =
  'refused connections are at GET /api/v1/refusals, open ones at /api/v1/gateway/sessions, and the rest is in the platform’s log'
const ofPlugins: Advice = all(
  [
    'syslog',
    'http-logger',
    'tcp-logger',
    'udp-logger',
    'kafka-logger',
    'file-logger',
    'sls-logger',
    'loki-logger',
    'clickhouse-logger',
    'elasticsearch-logger',
  ],
  `logging plugins are not there; ${otherwiseLogged}`,
)
const httpLimit = 'this is of the HTTP plugin; leave it out, a connection over the limit is closed'
const ofPlugin: Readonly<Record<string, Advice>> = {
  'mqtt-proxy': {
    upstream: 'this is the form of APISIX 2; put the node into the upstream of the route itself',
  },
  'limit-conn': {
    ...all(['rejected_code', 'rejected_msg', 'allow_degradation'], httpLimit),
    ...all(
      ['policy', 'redis_host', 'redis_port', 'redis_cluster_nodes'],
      'counts are kept by each gateway for itself; leave it out',
    ),
  },
  'ip-restriction': { response_code: ofHttp },
}
const switchedOff = 'a plugin is not switched off in its own fields; leave the plugin out'

const ofFile: Advice = {
  routes: 'HTTP routes are not served here',
  ...all(['consumers', 'consumer_groups', 'credentials'], 'users are those of the brokers, or Patchbay’s devices'),
  ...all(['plugin_configs', 'global_rules', 'plugin_metadata'], 'put plugins into stream_routes or services'),
  secrets: 'no secret manager is asked; give keys themselves, or ${{NAME}} of the environment',
  protos: 'gRPC is not transcoded here',
}
const kindsHere = `there are ${resourceNames.slice(0, -1).join(', ')} and ${resourceNames.at(-1)}`

const said = (path: string, advice: string): string => `property "${path}" is not supported: ${advice}`
const lookUp = (value: Record<string, unknown>, advice: Advice, path: string): string | undefined => {
  const name = Object.keys(value).find((key) => Object.hasOwn(advice, key))
  return name === undefined ? undefined : said(`${path}${name}`, advice[name] ?? '')
}

/** `$secret://` and `$env://` stand where a text would. */
const reference = /^\$(secret|env):\/\//i
const inTexts = (value: Record<string, unknown>, names: readonly string[], path: string): string | undefined => {
  const name = names.find((each) => {
    const text = value[each]
    return typeof text === 'string' && reference.test(text)
  })
  return name === undefined
    ? undefined
    : said(
        `${path}${name}`,
        'references to secrets are not there; give the PEM itself, which is encrypted at rest, or ${{NAME}} in apisix.yaml',
      )
}

function inUpstream(value: unknown, path: string): string | undefined {
  if (!isRecord(value)) return undefined
  const { scheme, tls } = value
  const advice = typeof scheme === 'string' && Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined
  return (
    lookUp(value, ofUpstream, path) ??
    (advice === undefined ? undefined : said(`${path}scheme`, advice)) ??
    (isRecord(tls) ? inTexts(tls, ['client_cert', 'client_key'], `${path}tls/`) : undefined)
  )
}

function inSplit(plugin: Record<string, unknown>, path: string): string | undefined {
  const rules = recordsIn(plugin['rules'])
  for (const [index, rule] of rules.entries()) {
    if ('match' in rule)
      return said(
        `${path}rules/${index}/match`,
        'conditions are not there; make a route of its own for what matches (remote_addr, server_port, sni), or leave match out to split all',
      )
    for (const [at, { upstream }] of recordsIn(rule['weighted_upstreams']).entries()) {
      const found = inUpstream(upstream, `${path}rules/${index}/weighted_upstreams/${at}/upstream/`)
      if (found !== undefined) return found
    }
  }
  return rules.length > 1
    ? said(`${path}rules/1`, 'without conditions the first rule takes everything; give one rule')
    : undefined
}

function inPlugins(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined
  const known: ReadonlySet<string> = new Set(streamPlugins)
  for (const [name, plugin] of Object.entries(value)) {
    const path = `plugins/${name}`
    if (!known.has(name))
      return said(
        path,
        ofPlugins[name] ?? `the gateway has the plugins ${streamPlugins.join(', ')}; leave the others out`,
      )
    if (!isRecord(plugin) || name === 'prometheus') continue
    if ('_meta' in plugin || 'disable' in plugin)
      return said(`${path}/${'_meta' in plugin ? '_meta' : 'disable'}`, switchedOff)
    const found =
      lookUp(plugin, ofPlugin[name] ?? {}, `${path}/`) ??
      (name === 'traffic-split' ? inSplit(plugin, `${path}/`) : undefined)
    if (found !== undefined) return found
  }
  return undefined
}

/** The first form in an object that APISIX has and the gateway has not: what it is, and what to write instead. */
export function findUnsupported(resource: (typeof resourceNames)[number], value: unknown): string | undefined {
  if (!isRecord(value)) return undefined
  if (resource === 'upstreams') return inUpstream(value, '')
  if (resource === 'ssls') {
    const { client } = value
    return (
      lookUp(value, ofSsl, '') ??
      (isRecord(client) ? lookUp(client, ofClient, 'client/') : undefined) ??
      inTexts(value, ['cert', 'key'], '')
    )
  }
  return (
    lookUp(value, resource === 'services' ? ofService : ofRoute, '') ??
    inUpstream(value['upstream'], 'upstream/') ??
    inPlugins(value['plugins'])
  )
}

/** Says what becomes of a kind of object that the gateway does not have. */
export const adviceOfKind = (name: string): string =>
  Object.hasOwn(ofFile, name) ? `${ofFile[name]}; ${kindsHere}` : kindsHere

/** `plugins` of a file switches plugins on; here all are. Those that are not there are named. */
export function findUnknownPlugins(list: unknown): string[] {
  const known: ReadonlySet<string> = new Set(streamPlugins)
  return recordsIn(list).flatMap(({ name, stream }) =>
    stream === true && typeof name === 'string' && !known.has(name)
      ? [`plugins/${name}: ${ofPlugins[name] ?? `the gateway has the plugins ${streamPlugins.join(', ')}`}`]
      : [],
  )
}
