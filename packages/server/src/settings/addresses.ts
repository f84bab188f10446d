import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net'

/** Which peers may speak without TLS. */
export type PlainMode = 'loopback' | 'private' | 'any'

const mapped = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i

/** One spelling for one address: IPv4-mapped IPv6 becomes IPv4, a zone (`%eth0`) goes. What is no address stays as it is. */
export function normaliseAddress(address: string): string {
  const bare = address.includes('%') ? address.slice(0, address.indexOf('%')) : address
  if (!bare.includes(':')) return bare
  const dotted = mapped.exec(bare)?.[1]
  if (dotted !== undefined) return dotted
  if (!isIPv6(bare)) return bare
  const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address
  return mapped.exec(canonical)?.[1] ?? canonical
}

const family = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6')

/** Takes `10.0.0.0/8`, `fd00::/8` or a single address; undefined when it is neither. */
export function readCidr(text: string): { address: string; prefix: number } | undefined {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return undefined
  const most = version === 4 ? 32 : 128
  if (slash < 0) return { address, prefix: most }
  const digits = text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > most) return undefined
  return { address, prefix: Number(digits) }
}

/** Is an address in one of these blocks? Blocks that are not well formed have been refused by the settings. */
export function toAddressMatcher(cidrs: readonly string[]): (address: string) => boolean {
  const blocks = new BlockList()
  for (const text of cidrs) {
    const cidr = readCidr(text)
    if (cidr) blocks.addSubnet(cidr.address, cidr.prefix, family(cidr.address))
  }
  return (address) => {
    const plain = normaliseAddress(address)
    return isIP(plain) !== 0 && blocks.check(plain, family(plain))
  }
}

const loopbackBlocks = ['127.0.0.0/8', '::1/128']
// RFC 1918, link-local (RFC 3927), unique local (RFC 4193) and IPv6 link-local (RFC 4291).
const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']

const inLoopback = toAddressMatcher(loopbackBlocks)

/** Loopback as a peer's address or as a name to bind. */
export const isLoopback = (address: string): boolean => address.toLowerCase() === 'localhost' || inLoopback(address)

/** Private or link-local, not loopback. */
export const isPrivate: (address: string) => boolean = toAddressMatcher(privateBlocks)

/** The question that PATCHBAY_PLAIN answers. A peer without a known address is refused unless all are let in. */
export function permitsPlain(mode: PlainMode): (address: string) => boolean {
  if (mode === 'any') return () => true
  return mode === 'loopback' ? inLoopback : (address) => inLoopback(address) || isPrivate(address)
}
