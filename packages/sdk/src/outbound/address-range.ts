import { BlockList, isIP, SocketAddress } from 'node:net'

/** What an address is to an outgoing call. `forbidden`: nobody may call it, whatever is configured. */
export type AddressRange = 'public' | 'private' | 'forbidden'

const toBlocks = (cidrs: readonly string[]): BlockList => {
  const blocks = new BlockList()
  for (const text of cidrs) {
    const [address = '', digits] = text.split('/')
    const family = isIP(address)
    if (family === 0) continue
    blocks.addSubnet(address, Number(digits ?? (family === 4 ? 32 : 128)), family === 4 ? 'ipv4' : 'ipv6')
  }
  return blocks
}

/** Link-local, the metadata services of the clouds, groups and what is no address of anybody. */
const forbiddenBlocks = toBlocks([
  '169.254.0.0/16',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fe80::/10',
  'fd00:ec2::/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
  'ff00::/8',
])

/** The special-purpose registries of RFC 6890 that are not the public Internet. */
const privateBlocks = toBlocks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '::/128',
  '::1/128',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fec0::/10',
])

/** Addresses that hold an IPv4 one: mapped and compatible, NAT64 (RFC 6052), 6to4 (RFC 3056). `at` is its first 16-bit group. */
const carriers: readonly { blocks: BlockList; at: number }[] = [
  { blocks: toBlocks(['::ffff:0:0/96', '::ffff:0:0:0/96', '::/96', '64:ff9b::/96']), at: 6 },
  { blocks: toBlocks(['2002::/16']), at: 1 },
]

/** The eight 16-bit groups of an IPv6 address in any spelling. */
const groupsOf = (address: string): number[] => {
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' })
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(canonical)
  const text = dotted
    ? `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(Number(dotted[4]) * 256 + Number(dotted[5])).toString(16)}`
    : canonical
  const [head = '', tail] = text.split('::')
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const left = read(head)
  if (tail === undefined) return left
  const right = read(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

const embedded = (address: string): string | undefined => {
  const carrier = carriers.find(({ blocks }) => blocks.check(address, 'ipv6'))
  if (!carrier) return undefined
  const groups = groupsOf(address)
  const high = groups[carrier.at] ?? 0
  const low = groups[carrier.at + 1] ?? 0
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

const bare = (address: string): string => address.split('%', 1)[0] ?? address

/** Which range an IP address is in; what is no IP address is `forbidden`. */
export function rangeOf(text: string): AddressRange {
  const address = bare(text)
  const family = isIP(address)
  if (family === 0) return 'forbidden'
  if (family === 4)
    return forbiddenBlocks.check(address, 'ipv4')
      ? 'forbidden'
      : privateBlocks.check(address, 'ipv4')
        ? 'private'
        : 'public'
  // `::` and `::1` are compatible addresses by their form only.
  if (privateBlocks.check(address, 'ipv6')) return forbiddenBlocks.check(address, 'ipv6') ? 'forbidden' : 'private'
  if (forbiddenBlocks.check(address, 'ipv6')) return 'forbidden'
  const inner = embedded(address)
  return inner === undefined ? 'public' : rangeOf(inner)
}

/** Which addresses may be called. `private` ranges are closed but for the addresses and CIDRs given; `all` opens them all. */
export type PrivateTargets = readonly string[] | 'all'

/** Answers whether an outgoing call may go to an IP address. */
export function toTargetCheck(allowed: PrivateTargets): (address: string) => boolean {
  const blocks = allowed === 'all' ? undefined : toBlocks(allowed)
  return (text) => {
    const range = rangeOf(text)
    if (range !== 'private') return range === 'public'
    if (!blocks) return true
    const address = bare(text)
    if (isIP(address) === 4) return blocks.check(address, 'ipv4')
    if (blocks.check(address, 'ipv6')) return true
    const inner = embedded(address)
    return inner !== undefined && rangeOf(inner) === 'private' && blocks.check(inner, 'ipv4')
  }
}
