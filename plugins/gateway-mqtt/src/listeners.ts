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

/** The listeners of a config.yaml: a port, `ip:port`, or an object with one of them as `addr`. What is wrong is named. */
export function readListeners(config: unknown): { listeners: Listener[]; problems: string[] } {
  const listeners: Listener[] = []
  const problems: string[] = []
  const tcp = at(config, 'apisix', 'stream_proxy', 'tcp')
  if (tcp === undefined) problems.push('config.yaml names no listeners under apisix.stream_proxy.tcp')
  const udp = at(config, 'apisix', 'stream_proxy', 'udp')
  if (Array.isArray(udp) && udp.length > 0)
    problems.push('config.yaml: apisix.stream_proxy.udp is not served by this gateway')
  for (const [index, entry] of (Array.isArray(tcp) ? tcp : []).entries()) {
    const address = readAddress(isRecord(entry) ? entry['addr'] : entry)
    if (!address) {
      problems.push(
        `config.yaml: apisix.stream_proxy.tcp/${index} is no port, "ip:port" or {addr, tls, proxy_protocol}`,
      )
      continue
    }
    const is = (name: string): boolean => isRecord(entry) && entry[name] === true
    const proxyToUpstream = is('proxy_protocol_to_upstream')
    listeners.push({ ...address, tls: is('tls'), proxyProtocol: is('proxy_protocol'), proxyToUpstream })
  }
  return { listeners, problems }
}
