import { isIPv4, isIPv6 } from 'node:net'

/** Where a connection came from and went to, as a PROXY header says it. */
export interface ProxiedPeer {
  sourceAddress: string
  sourcePort: number
  targetAddress: string
  targetPort: number
}

/** `peer` is undefined for UNKNOWN and LOCAL: the connection speaks for itself. `secure`: the peer spoke TLS with the proxy, which version 2 may tell. */
export type ProxyRead = 'more' | 'bad' | { peer: ProxiedPeer | undefined; length: number; secure?: boolean }

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const v1Start = 'PROXY '
const maxV1Bytes = 107
const maxV2Bytes = 4_096
const v2Head = 16
const tlsType = 0x20
const tlsWithClient = 1

/** Whether the fields behind the addresses say that the client came by TLS. */
function saysTls(fields: Buffer): boolean {
  for (let at = 0; at + 3 <= fields.length; at += 3 + fields.readUInt16BE(at + 1))
    if (fields[at] === tlsType && fields.readUInt16BE(at + 1) > 0 && at + 3 < fields.length)
      return ((fields[at + 3] ?? 0) & tlsWithClient) === tlsWithClient
  return false
}

function readV1(bytes: Buffer): ProxyRead {
  const end = bytes.subarray(0, maxV1Bytes).indexOf('\r\n')
  if (end < 0) return bytes.length < maxV1Bytes ? 'more' : 'bad'
  const [, family, source = '', target = '', from = '', to = '', ...rest] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { peer: undefined, length }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false
  const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535
  if (rest.length > 0 || !isAddress(source) || !isAddress(target) || !isPort(from) || !isPort(to)) return 'bad'
  return {
    peer: { sourceAddress: source, sourcePort: Number(from), targetAddress: target, targetPort: Number(to) },
    length,
  }
}

const toV6 = (bytes: Buffer): string =>
  Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')

function readV2(bytes: Buffer): ProxyRead {
  if (bytes.length < v2Head) return 'more'
  const [versionAndCommand = 0, family = 0] = bytes.subarray(12, 14)
  const length = v2Head + bytes.readUInt16BE(14)
  if (versionAndCommand >> 4 !== 2 || (versionAndCommand & 15) > 1 || length > maxV2Bytes) return 'bad'
  if (bytes.length < length) return 'more'
  if ((versionAndCommand & 15) === 0) return { peer: undefined, length }
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : 0
  // Other families (UDP, Unix sockets) have no address that a route could be chosen by.
  if (size === 0) return { peer: undefined, length }
  if (length < v2Head + 2 * size + 4) return 'bad'
  const address = (at: number): string =>
    size === 4 ? bytes.subarray(at, at + 4).join('.') : toV6(bytes.subarray(at, at + 16))
  const ports = v2Head + 2 * size
  return {
    peer: {
      sourceAddress: address(v2Head),
      targetAddress: address(v2Head + size),
      sourcePort: bytes.readUInt16BE(ports),
      targetPort: bytes.readUInt16BE(ports + 2),
    },
    length,
    ...(saysTls(bytes.subarray(ports + 4, length)) ? { secure: true } : {}),
  }
}

const startsLike = (bytes: Buffer, start: Buffer): boolean =>
  bytes.subarray(0, start.length).equals(start.subarray(0, bytes.length))

/** Do these bytes begin a PROXY header? `more` while they are the beginning of one's signature. */
export function beginsProxyHeader(bytes: Buffer): 'mine' | 'more' | 'no' {
  for (const start of [signature, Buffer.from(v1Start)])
    if (startsLike(bytes, start)) return bytes.length < start.length ? 'more' : 'mine'
  return 'no'
}

/** Reads a PROXY protocol header of version 1 or 2 from the first bytes. */
export function readProxyHeader(bytes: Buffer): ProxyRead {
  if (bytes.length === 0) return 'more'
  if (startsLike(bytes, signature)) return bytes.length < signature.length ? 'more' : readV2(bytes)
  if (startsLike(bytes, Buffer.from(v1Start))) return bytes.length < v1Start.length ? 'more' : readV1(bytes)
  return 'bad'
}

const fromAddress = (address: string): Buffer => {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [left = '', right = ''] = address.split('::')
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16))
  const [head, tail] = [words(left), words(right)]
  const gap = address.includes('::') ? 8 - head.length - tail.length : 0
  const all = [...head, ...Array.from({ length: gap }, () => 0), ...tail]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]))
}

/** The header that tells a node who its client is. */
export function toProxyHeader(version: 1 | 2, peer: ProxiedPeer): Buffer {
  const { sourceAddress, sourcePort, targetAddress, targetPort } = peer
  const isV4 = isIPv4(sourceAddress) && isIPv4(targetAddress)
  const isV6 = isIPv6(sourceAddress) && isIPv6(targetAddress)
  if (version === 1)
    return Buffer.from(
      isV4 || isV6
        ? `PROXY TCP${isV4 ? 4 : 6} ${sourceAddress} ${targetAddress} ${sourcePort} ${targetPort}\r\n`
        : 'PROXY UNKNOWN\r\n',
    )
  if (!isV4 && !isV6) return Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])])
  const body = Buffer.concat([fromAddress(sourceAddress), fromAddress(targetAddress), Buffer.alloc(4)])
  body.writeUInt16BE(sourcePort, body.length - 4)
  body.writeUInt16BE(targetPort, body.length - 2)
  return Buffer.concat([signature, Buffer.from([0x21, isV4 ? 0x11 : 0x21, 0, body.length]), body])
}
