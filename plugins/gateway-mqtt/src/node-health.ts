import type { Node, NodeState } from './node.ts'

export type Failure = 'tcp' | 'timeout' | 'http'

export interface Thresholds {
  successes: number
  tcp_failures: number
  timeouts: number
  http_failures: number
}

/** Counts what was seen of each node, in a row, and tells when that makes it healthy or unhealthy. 0 = that kind never counts. */
export interface NodeHealth {
  success(node: Node): void
  failure(node: Node, kind: Failure, reason: string): void
  forget(node: Node): void
}

interface Counts {
  successes: number
  tcp: number
  timeout: number
  http: number
}

export function createNodeHealth(thresholds: Thresholds, onChange: (node: Node, state: NodeState) => void): NodeHealth {
  const counts = new Map<Node, Counts>()
  const countsOf = (node: Node): Counts => {
    let found = counts.get(node)
    if (!found) counts.set(node, (found = { successes: 0, tcp: 0, timeout: 0, http: 0 }))
    return found
  }
  const most = { tcp: thresholds.tcp_failures, timeout: thresholds.timeouts, http: thresholds.http_failures }
  const change = (node: Node, state: NodeState, reason: string | undefined): void => {
    counts.delete(node)
    if (node.state === state) return
    node.state = state
    node.reason = reason
    onChange(node, state)
  }
  return {
    success(node) {
      // The usual case, a healthy node that answers, must cost nothing.
      if (node.state === 'healthy') {
        counts.delete(node)
        return
      }
      const seen = countsOf(node)
      seen.successes += 1
      seen.tcp = seen.timeout = seen.http = 0
      if (thresholds.successes > 0 && seen.successes >= thresholds.successes) change(node, 'healthy', undefined)
    },
    failure(node, kind, reason) {
      const seen = countsOf(node)
      seen.successes = 0
      seen[kind] += 1
      if (most[kind] > 0 && seen[kind] >= most[kind]) change(node, 'unhealthy', reason)
    },
    forget: (node) => void counts.delete(node),
  }
}
