import { toAddressMatch } from './addresses.ts'
import type { StreamPlugins } from './plugin-schemas.ts'
import type { StreamRoute } from './schemas.ts'
import type { LiveUpstream } from './upstream.ts'
import type { Variables } from './variables.ts'

export interface MqttRule {
  name: string
  levels: ReadonlySet<number>
  answers: boolean
  serverReference: string | undefined
}

/** A stream route while it runs. */
export interface LiveRoute {
  readonly id: string
  readonly sni: string | undefined
  matches(of: Variables): boolean
  readonly mqtt: MqttRule | undefined
  /** Says whether an address may come in. */
  admits(address: string): boolean
  readonly limit: { most: number; key: string; combined: boolean } | undefined
  /** The upstream for the next connection; undefined = it is not there. */
  choose(): LiveUpstream | undefined
  /** Open connections by the limit's key. Kept through a new configuration. */
  readonly open: Map<string, number>
  readonly counts: RouteCounts
}

export interface RouteCounts {
  accepted: number
  refused: number
  bytesUp: number
  bytesDown: number
}

/** `*.x.com` also takes deeper names here, unlike for certificates. */
const takesName = (pattern: string, name: string): boolean =>
  pattern.startsWith('*.') ? name.length > pattern.length - 1 && name.endsWith(pattern.slice(1)) : name === pattern

export const toServerName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function toMqttRule(plugin: StreamPlugins['mqtt-proxy']): MqttRule | undefined {
  if (!plugin) return undefined
  const { protocol_name: name, protocol_level: level } = plugin
  return {
    name,
    levels: new Set(Array.isArray(level) ? level : [level]),
    answers: plugin.on_reject === 'connack',
    serverReference: plugin.server_reference,
  }
}

function toAdmits(plugin: StreamPlugins['ip-restriction']): LiveRoute['admits'] {
  const { whitelist = [], blacklist = [] } = plugin ?? {}
  const isWhite = toAddressMatch(whitelist)
  const isBlack = toAddressMatch(blacklist)
  return (address) => !isBlack(address) && (whitelist.length === 0 || isWhite(address))
}

/** Upstreams in turn by their weights. */
export function createSplit(
  entries: readonly { weight: number; upstream: LiveUpstream | undefined }[],
): () => LiveUpstream | undefined {
  const credits = entries.map(() => 0)
  const total = entries.reduce((sum, { weight }) => sum + weight, 0)
  return () => {
    let best = 0
    for (const [index, { weight }] of entries.entries()) {
      credits[index] = (credits[index] ?? 0) + weight
      if ((credits[index] ?? 0) > (credits[best] ?? 0)) best = index
    }
    credits[best] = (credits[best] ?? 0) - total
    return entries[best]?.upstream
  }
}

export interface RouteParts {
  id: string
  document: StreamRoute
  /** The service's plugins with the route's own over them. */
  plugins: StreamPlugins
  choose: () => LiveUpstream | undefined
  before: LiveRoute | undefined
}

export function createRoute({ id, document, plugins, choose, before }: RouteParts): LiveRoute {
  const { server_port: port, server_addr: server, remote_addr: remote } = document
  const sni = document.sni === undefined ? undefined : toServerName(document.sni)
  const isServer = server === undefined ? undefined : toAddressMatch([server])
  const isRemote = remote === undefined ? undefined : toAddressMatch([remote])
  const limit = plugins['limit-conn']
  return {
    id,
    sni,
    matches: (of) =>
      (sni === undefined || (of.serverName !== undefined && takesName(sni, of.serverName))) &&
      (port === undefined || port === of.serverPort) &&
      (isServer === undefined || isServer(of.serverAddress)) &&
      (isRemote === undefined || isRemote(of.remoteAddress)),
    mqtt: toMqttRule(plugins['mqtt-proxy']),
    admits: toAdmits(plugins['ip-restriction']),
    limit: limit && { most: limit.conn + limit.burst, key: limit.key, combined: limit.key_type === 'var_combination' },
    choose,
    open: before?.open ?? new Map(),
    counts: before?.counts ?? { accepted: 0, refused: 0, bytesUp: 0, bytesDown: 0 },
  }
}
