import { isIP } from 'node:net'

/** One port of the gateway. */
export interface Listener {
  port: number
  /** Empty = PATCHBAY_HOST. */
  address: string
  tls: boolean
  proxyProtocol: boolean
  /** What APISIX calls proxy_protocol_to_upstream. */
  proxyToUpstream: boolean
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)

function readAddress(value: unknown): Pick<Listener, 'port' | 'address'> | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : ''
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  const port = Number(digits)
  if (digits === undefined || port < 1 || port > 65_535 || (address !== '' && isIP(address) === 0)) return undefined
  return { port, address }
}

const entryKeys = new Set(['addr', 'tls', 'proxy_protocol', 'proxy_protocol_to_upstream'])

/** What of a config.yaml of APISIX does something there and nothing here, and what does it here. */
const elsewhere: readonly [path: string, advice: string][] = [
  ['apisix.stream_proxy.udp', 'UDP is not carried'],
  ['apisix.ssl.fallback_sni', 'set fallbackName, a field of the plugin'],
  ['apisix.ssl.ssl_protocols', 'set ssl_protocols of each object of ssls'],
  ['deployment.admin.admin_key', 'make an API key of Patchbay, and send it as X-API-KEY'],
  ['deployment.etcd', 'etcd is not asked; objects come from apisix.yaml and by the Admin API'],
  ['nginx_config.stream.real_ip_from', 'name the balancers in PATCHBAY_TRUSTED_PROXIES'],
]
const isSet = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== ''

export interface ReadListeners {
  listeners: Listener[]
  problems: string[]
  /** The list is there, and not all of it is wrong: what it says may be done. */
  isUsable: boolean
}

/** The listeners of a config.yaml: a port, `ip:port`, or an object with one of them as `addr`. What is wrong is named. */
export function readListeners(config: unknown): ReadListeners {
  const listeners: Listener[] = []
  const problems: string[] = []
  for (const [path, advice] of elsewhere)
    if (isSet(at(config, ...path.split('.')))) problems.push(`config.yaml: ${path} is not taken: ${advice}`)
  if (at(config, 'deployment', 'role_data_plane', 'config_provider') === 'json')
    problems.push('config.yaml: config_provider json is not taken: write apisix.yaml, which may hold JSON before #END')
  const tcp = at(config, 'apisix', 'stream_proxy', 'tcp')
  if (tcp === undefined) problems.push('config.yaml names no listeners under apisix.stream_proxy.tcp')
  for (const [index, entry] of (Array.isArray(tcp) ? tcp : []).entries()) {
    const address = readAddress(isRecord(entry) ? entry['addr'] : entry)
    if (!address) {
      problems.push(
        `config.yaml: apisix.stream_proxy.tcp/${index} is no port, "ip:port" or {addr, tls, proxy_protocol}`,
      )
      continue
    }
    const unknown = isRecord(entry) ? Object.keys(entry).filter((key) => !entryKeys.has(key)) : []
    if (unknown.length > 0)
      problems.push(`config.yaml: apisix.stream_proxy.tcp/${index}: ${unknown.join(', ')} is not known`)
    const is = (name: string): boolean => isRecord(entry) && entry[name] === true
    const proxyToUpstream = is('proxy_protocol_to_upstream')
    listeners.push({ ...address, tls: is('tls'), proxyProtocol: is('proxy_protocol'), proxyToUpstream })
  }
  const isUsable = Array.isArray(tcp) && (listeners.length > 0 || tcp.length === 0)
  return { listeners, problems, isUsable }
}
