import type { Upstream } from './upstream-schema.ts'

/** A node as an upstream's document names it, in its one form. */
export interface NodeAddress {
  host: string
  port: number
  weight: number
  priority: number
  local: boolean
}

/** What stands on the ring for Patchbay's own adapter, which has no address. */
const localHost = 'local'
const mapKey = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]+)):(\d{1,5})$/

/** `host:port` of the short form; undefined when it is not that. */
const readMapKey = (text: string): { host: string; port: number } | undefined => {
  const [, bracketed, plain, digits] = mapKey.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

/** The nodes of an upstream, or a sentence that says which one is wrong. */
export function toNodeList(nodes: Upstream['nodes']): NodeAddress[] | string {
  const list: NodeAddress[] = []
  if (!Array.isArray(nodes)) {
    for (const [text, weight] of Object.entries(nodes)) {
      const address = readMapKey(text)
      if (!address) return `nodes/${text} is not "host:port"`
      list.push({ ...address, weight, priority: 0, local: false })
    }
    return list
  }
  for (const [index, { host, port, weight, priority, local = false }] of nodes.entries()) {
    if (local && (host !== undefined || port !== undefined)) return `nodes/${index} is local and names an address too`
    if (local) list.push({ host: localHost, port: 0, weight, priority, local })
    else if (host === undefined || port === undefined) return `nodes/${index} needs host and port`
    else list.push({ host, port, weight, priority, local })
  }
  return list
}
