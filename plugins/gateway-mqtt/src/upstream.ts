import { type Balancer, createBalancer } from './balancer.ts'
import { defaultConnectMs, defaultStalledMs } from './limits.ts'
import { createNodeHealth, type NodeHealth } from './node-health.ts'
import { createNode, type Node, type NodeState } from './node.ts'
import { toNodeList } from './node-list.ts'
import type { Upstream } from './upstream-schema.ts'
import { fillVariables, readVariable, type Variables } from './variables.ts'

export interface UpstreamTls {
  verify: boolean
  ca?: string
  serverName?: string
  cert?: string
  key?: string
}

/** An upstream while it runs. Nodes whose address stays are the same objects after a new configuration. */
export interface LiveUpstream {
  /** Where it is written, such as `upstreams/1`. */
  readonly key: string
  readonly document: Upstream
  readonly nodes: readonly Node[]
  readonly balancer: Balancer
  readonly active: NodeHealth
  readonly passive: NodeHealth | undefined
  readonly retries: number
  readonly retryMs: number
  readonly connectMs: number
  readonly stalledMs: number
  /** Without a byte in either direction for so long, a session ends; undefined = never. */
  readonly idleMs: number | undefined
  readonly tls: UpstreamTls | undefined
  readonly proxyProtocol: 1 | 2 | undefined
  readonly closesOnDown: boolean
  /** What a connection is hashed by. Without its variable it is the address. */
  hashKey(of: Variables): Uint8Array | string
}

const everyFailure = { successes: 2, tcp_failures: 2, timeouts: 3, http_failures: 5 }
const secondsToMs = (seconds: number | undefined): number | undefined => seconds && seconds * 1_000

/** Everything that a balancer is made of. */
const shapeOf = ({ type, nodes, max_load_factor: maxLoadFactor }: Upstream): string =>
  JSON.stringify([type, toNodeList(nodes), maxLoadFactor])

function toHashKey({ hash_on: hashOn, key = '' }: Upstream): LiveUpstream['hashKey'] {
  if (hashOn === 'vars_combinations') return (of) => fillVariables(of, key) || of.remoteAddress
  return (of) => (hashOn === 'vars' ? readVariable(of, key) : undefined) ?? of.remoteAddress
}

export interface UpstreamParts {
  key: string
  document: Upstream
  /** The same upstream before, whose nodes keep their state. */
  before: LiveUpstream | undefined
  tls: UpstreamTls | undefined
  onState: (upstream: LiveUpstream, node: Node, state: NodeState) => void
}

export function createUpstream({ key, document, before, tls, onState }: UpstreamParts): LiveUpstream {
  const list = toNodeList(document.nodes)
  const nodes = (typeof list === 'string' ? [] : list).map((address) => {
    const known = before?.nodes.find(({ host, port }) => host === address.host && port === address.port)
    return known ? Object.assign(known, address) : createNode(address)
  })
  // The same nodes in the same order: the ring, which is the dear part of an upstream, and whose turn it is stay as well.
  const kept = before && shapeOf(before.document) === shapeOf(document) ? before.balancer : undefined
  const { checks, timeout } = document
  // Without checks nothing would ever make a node healthy again.
  if (!checks) for (const node of nodes) Object.assign(node, { state: 'healthy', reason: undefined })
  const hear = (node: Node, state: NodeState): void => onState(upstream, node, state)
  const active = checks?.active
  const passive = checks?.passive
  const upstream: LiveUpstream = {
    key,
    document,
    nodes,
    balancer: kept ?? createBalancer({ type: document.type, nodes, maxLoadFactor: document.max_load_factor }),
    active: createNodeHealth(active ? { ...active.healthy, ...active.unhealthy } : everyFailure, hear),
    passive: passive && createNodeHealth({ ...passive.healthy, ...passive.unhealthy }, hear),
    retries: document.retries ?? Math.max(nodes.length - 1, 0),
    retryMs: secondsToMs(document.retry_timeout) || Number.POSITIVE_INFINITY,
    connectMs: secondsToMs(timeout?.connect) ?? defaultConnectMs,
    stalledMs: secondsToMs(timeout?.send) ?? defaultStalledMs,
    idleMs: secondsToMs(timeout?.read),
    tls,
    proxyProtocol: document.proxy_protocol,
    closesOnDown: document.on_down === 'close',
    hashKey: toHashKey(document),
  }
  return upstream
}
