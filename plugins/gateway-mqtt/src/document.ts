import { isIP } from 'node:net'
import type { Static } from 'typebox'
import { Value } from 'typebox/value'
import { isCidr } from './addresses.ts'
import { isAllowedNode } from './allowed-node.ts'
import { toNodeList } from './node-list.ts'
import { faultOfRing } from './ring-cap.ts'
import { findUnsupported } from './unsupported.ts'
import type { StreamPlugins } from './plugin-schemas.ts'
import { type ResourceName, resources, type Service, type Ssl, type StreamRoute } from './schemas.ts'
import type { Upstream } from './upstream-schema.ts'

/** Every object of the gateway by kind and id. */
export interface Documents {
  stream_routes: Map<string, StreamRoute>
  upstreams: Map<string, Upstream>
  services: Map<string, Service>
  ssls: Map<string, Ssl>
}
export type DocumentOf<R extends ResourceName> = Static<(typeof resources)[R]>

export const noDocuments = (): Documents => ({
  stream_routes: new Map(),
  upstreams: new Map(),
  services: new Map(),
  ssls: new Map(),
})

const maxDepth = 16
const tooDeep = (value: unknown, depth = 0): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth > maxDepth || Object.values(value).some((inner) => tooDeep(inner, depth + 1)))

/** What the schemas cannot say; undefined = nothing is wrong. */
function faultOfUpstream(upstream: Upstream): string | undefined {
  const { nodes, type, hash_on: hashOn, key, tls } = upstream
  const list = toNodeList(nodes)
  if (typeof list === 'string') return list
  // A name's addresses are looked at when it is looked up; an address is never looked up.
  const closed = list.find(({ host }) => isIP(host) !== 0 && !isAllowedNode(host))
  if (closed) return `nodes: ${closed.host} is an address that is never called`
  if (type === 'chash' && key === undefined && hashOn !== 'consumer') return 'missing key'
  if (tls?.client_cert_id !== undefined && (tls.client_cert !== undefined || tls.client_key !== undefined))
    return 'tls: client_cert_id excludes client_cert and client_key'
  if ((tls?.client_cert === undefined) !== (tls?.client_key === undefined))
    return 'tls: client_cert and client_key belong together'
  return faultOfRing(upstream)
}

function faultOfPlugins(plugins: StreamPlugins | undefined): string | undefined {
  const { whitelist = [], blacklist = [] } = plugins?.['ip-restriction'] ?? {}
  if (plugins?.['ip-restriction'] && (whitelist.length === 0) === (blacklist.length === 0))
    return 'plugins/ip-restriction: one of whitelist and blacklist is needed'
  const wrong = [...whitelist, ...blacklist].find((cidr) => !isCidr(cidr))
  if (wrong !== undefined) return `plugins/ip-restriction: ${wrong} is no address or CIDR`
  for (const rule of plugins?.['traffic-split']?.rules ?? [])
    for (const { upstream } of rule.weighted_upstreams) {
      const fault = upstream ? faultOfUpstream(upstream) : undefined
      if (fault !== undefined) return `plugins/traffic-split: ${fault}`
    }
  return undefined
}

function faultOfSsl({ type, sni, snis, certs = [], keys = [] }: Ssl): string | undefined {
  if (certs.length !== keys.length) return 'certs and keys belong together, one key for each certificate'
  return type === 'server' && sni === undefined && snis === undefined
    ? 'a server certificate needs sni or snis'
    : undefined
}

function faultOf(document: StreamRoute | Upstream | Service | Ssl): string | undefined {
  if ('nodes' in document) return faultOfUpstream(document)
  if ('cert' in document) return faultOfSsl(document)
  if ('remote_addr' in document || 'server_addr' in document)
    for (const cidr of [document.remote_addr, document.server_addr])
      if (cidr !== undefined && !isCidr(cidr)) return `${cidr} is no address or CIDR`
  if ('upstream' in document && document.upstream) {
    const fault = faultOfUpstream(document.upstream)
    if (fault !== undefined) return `upstream: ${fault}`
  }
  return 'plugins' in document ? faultOfPlugins(document.plugins) : undefined
}

/** A document as it came, with defaults filled in, or a sentence that says what is wrong with it. */
export function readDocument<R extends ResourceName>(
  resource: R,
  value: unknown,
): { document: DocumentOf<R> } | { fault: string } {
  if (tooDeep(value)) return { fault: 'is nested too deep' }
  const unsupported = findUnsupported(resource, value)
  if (unsupported !== undefined) return { fault: unsupported }
  const schema: (typeof resources)[R] = resources[resource]
  const filled: unknown = Value.Default(schema, structuredClone(value))
  if (!Value.Check(schema, filled)) {
    const [first] = Value.Errors(schema, filled)
    const path = first?.instancePath.slice(1) ?? ''
    return { fault: `${path === '' ? '' : `property "${path}" `}${first?.message ?? 'is wrong'}` }
  }
  const fault = faultOf(filled)
  return fault === undefined ? { document: filled } : { fault }
}

const adder =
  <R extends ResourceName>(resource: R, mapOf: (of: Documents) => Map<string, DocumentOf<R>>) =>
  (into: Documents, id: string, value: unknown): string | undefined => {
    const read = readDocument(resource, value)
    if ('fault' in read) return read.fault
    mapOf(into).set(id, read.document)
    return undefined
  }

/** Puts an object where it belongs, or answers what is wrong with it. */
export const addDocument = {
  stream_routes: adder('stream_routes', (of) => of.stream_routes),
  upstreams: adder('upstreams', (of) => of.upstreams),
  services: adder('services', (of) => of.services),
  ssls: adder('ssls', (of) => of.ssls),
} satisfies Record<ResourceName, unknown>
