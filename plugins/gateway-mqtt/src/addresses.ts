import { BlockList, isIP } from 'node:net'

const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/** One spelling for one address: IPv4-mapped IPv6 is IPv4, a zone goes. */
export function toPlainAddress(address: string | undefined): string {
  const bare = (address ?? '').split('%', 1)[0] ?? ''
  return mapped.exec(bare)?.[1] ?? bare
}

export const isCidr = (text: string): boolean => {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  return version !== 0 && rest.length === 0 && (prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128))
}

/** Says whether an address lies in one of these blocks or is one of these addresses. */
export function toAddressMatch(cidrs: readonly string[]): (address: string) => boolean {
  const blocks = new BlockList()
  for (const text of cidrs) {
    const [address = '', prefix] = text.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) blocks.addAddress(address, family)
    else blocks.addSubnet(address, Number(prefix), family)
  }
  return (address) => {
    const version = isIP(address)
    return version !== 0 && blocks.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}
