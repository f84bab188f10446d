import type { Documents } from './document.ts'
import type { Node, NodeState } from './node.ts'
import { createRoute, createSplit, type LiveRoute } from './route.ts'
import type { StreamPlugins } from './plugin-schemas.ts'
import type { Upstream } from './upstream-schema.ts'
import { createUpstream, type LiveUpstream, type UpstreamTls } from './upstream.ts'
import type { Variables } from './variables.ts'

/** Everything that new connections are served by. Open ones keep what they were given. */
export interface Configuration {
  readonly upstreams: ReadonlyMap<string, LiveUpstream>
  readonly routes: readonly LiveRoute[]
  /** A route asks for a server name: then it has to be looked for in what the client says first. */
  readonly asksName: boolean
  /** What is not as it should be, for people. */
  readonly problems: readonly string[]
  /** The first route that takes the connection: those with a server name are asked first. */
  route(of: Variables): LiveRoute | undefined
}

export interface ConfigurationOptions {
  before: Configuration | undefined
  onState: (upstream: LiveUpstream, node: Node, state: NodeState) => void
}

export function createConfiguration(documents: Documents, { before, onState }: ConfigurationOptions): Configuration {
  const problems: string[] = []
  const upstreams = new Map<string, LiveUpstream>()

  const toTls = (key: string, { scheme, tls }: Upstream): UpstreamTls | undefined => {
    if (scheme !== 'tls') return undefined
    const verify = tls?.verify ?? false
    if (!verify) problems.push(`${key}: tls.verify is not true, so the certificate of its nodes is not checked`)
    const client = tls?.client_cert_id === undefined ? undefined : documents.ssls.get(String(tls.client_cert_id))
    if (tls?.client_cert_id !== undefined && client?.type !== 'client')
      problems.push(`${key}: ssls/${tls.client_cert_id} is not there or not of type client`)
    const cert = client?.cert ?? tls?.client_cert
    const clientKey = client?.key ?? tls?.client_key
    return {
      verify,
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.server_name === undefined ? {} : { serverName: tls.server_name }),
      ...(cert === undefined ? {} : { cert }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
    }
  }
  const add = (key: string, document: Upstream): LiveUpstream => {
    const { type, hash_on: hashOn } = document
    if (type === 'chash' && hashOn !== 'vars' && hashOn !== 'vars_combinations')
      problems.push(
        `${key}: hash_on ${hashOn} is of HTTP, so the client’s address decides; use hash_on vars with key mqtt_client_id`,
      )
    const parts = { key, document, before: before?.upstreams.get(key), tls: toTls(key, document), onState }
    const made = createUpstream(parts)
    upstreams.set(key, made)
    return made
  }
  for (const [id, document] of documents.upstreams) add(`upstreams/${id}`, document)

  const find = (by: string, id: string | number): LiveUpstream | undefined => {
    const found = upstreams.get(`upstreams/${id}`)
    if (!found) problems.push(`${by}: upstreams/${id} is not there`)
    return found
  }
  interface Holder {
    upstream?: Upstream | undefined
    upstream_id?: string | number | undefined
  }
  const ofHolder = (key: string, { upstream, upstream_id: id }: Holder): LiveUpstream | undefined =>
    upstream ? add(key, upstream) : id === undefined ? undefined : find(key, id)
  const services = new Map<string, LiveUpstream | undefined>()
  for (const [id, document] of documents.services) services.set(id, ofHolder(`services/${id}`, document))

  const toChoose = (key: string, plugins: StreamPlugins, own: LiveUpstream | undefined) => {
    const [rule] = plugins['traffic-split']?.rules ?? []
    if (!rule) return () => own
    return createSplit(
      rule.weighted_upstreams.map(({ weight, ...holder }, index) => ({
        weight,
        upstream: ofHolder(`${key}/split/${index}`, holder) ?? own,
      })),
    )
  }
  const routes = [...documents.stream_routes].map(([id, document]) => {
    const key = `stream_routes/${id}`
    const serviceId = document.service_id === undefined ? undefined : String(document.service_id)
    const service = serviceId === undefined ? undefined : documents.services.get(serviceId)
    if (serviceId !== undefined && !service) problems.push(`${key}: services/${serviceId} is not there`)
    const plugins = { ...service?.plugins, ...document.plugins }
    const own = ofHolder(key, document) ?? (serviceId === undefined ? undefined : services.get(serviceId))
    const known = before?.routes.find((route) => route.id === id)
    return createRoute({ id, document, plugins, choose: toChoose(key, plugins, own), before: known })
  })
  const named = routes.filter(({ sni }) => sni !== undefined)
  const unnamed = routes.filter(({ sni }) => sni === undefined)

  return {
    upstreams,
    routes,
    asksName: named.length > 0,
    problems,
    route: (of) =>
      (of.serverName === undefined ? undefined : named.find((route) => route.matches(of))) ??
      unnamed.find((route) => route.matches(of)),
  }
}
