import type { NodeAddress } from './node-list.ts'

export type NodeState = 'healthy' | 'unhealthy'

/** One broker as the gateway sees it while it runs. Kept through a new configuration as long as its address stays. */
export interface Node extends NodeAddress {
  /** `host:port`, as people write it. */
  readonly name: string
  state: NodeState
  /** Why it is unhealthy, for people. */
  reason: string | undefined
  /** So many of its sessions are ended each second, and it gets no new ones; 0 = it is not drained. */
  draining: number
  /** Sessions that are open, and those being connected. */
  active: number
  sessions: number
  failures: number
  /** Of sessions that have ended; the open ones count their own. */
  bytesUp: number
  bytesDown: number
  /** Smoothed time that its connections took to stand. */
  connectMs: number
}

/** How much of the smoothed connect time is the last one. */
const newShare = 0.3

export function createNode(address: NodeAddress): Node {
  const { host, port, local } = address
  return {
    ...address,
    name: local ? 'local' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    state: 'healthy',
    reason: undefined,
    draining: 0,
    active: 0,
    sessions: 0,
    failures: 0,
    bytesUp: 0,
    bytesDown: 0,
    connectMs: 0,
  }
}

export function noteConnect(node: Node, ms: number): void {
  node.connectMs = node.connectMs === 0 ? ms : node.connectMs * (1 - newShare) + ms * newShare
}
