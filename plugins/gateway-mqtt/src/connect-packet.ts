/** What a CONNECT says before the broker sees it. Nothing of it is consumed or changed. */
export interface ConnectPacket {
  kind: 'connect'
  protocolName: string
  protocolLevel: number
  /** The bytes of the client id, empty where the client leaves the choice to the broker. */
  clientId: Buffer
}

export type ConnectRead = ConnectPacket | { kind: 'more' } | { kind: 'bad'; why: string; protocolLevel?: number }

const connectByte = 0x10
const mqtt5 = 5
const more: ConnectRead = { kind: 'more' }
const bad = (why: string, protocolLevel?: number): ConnectRead => ({
  kind: 'bad',
  why,
  ...(protocolLevel === undefined ? {} : { protocolLevel }),
})

/** A variable byte integer at `at`, and where it ends; undefined while bytes are missing, 'bad' past its fourth byte. */
function readVarint(bytes: Buffer, at: number, end: number): { value: number; next: number } | 'bad' | undefined {
  let value = 0
  for (let index = 0; index < 4; index++) {
    if (at + index >= end) return undefined
    const byte = bytes[at + index] ?? 0
    value += (byte & 0x7f) * 128 ** index
    if (byte < 0x80) return { value, next: at + index + 1 }
  }
  return 'bad'
}

/**
 * Reads a CONNECT of MQTT 3.1, 3.1.1 or 5 from its first byte. Answers `more` until the whole packet is there, `bad` as soon as it cannot
 * become one.
 */
export function readConnect(bytes: Buffer, maxBytes: number): ConnectRead {
  if (bytes.length === 0) return more
  if (bytes[0] !== connectByte) return bad('The first packet is not a CONNECT.')
  const length = readVarint(bytes, 1, bytes.length)
  if (length === 'bad') return bad('The remaining length has more than four bytes.')
  if (!length) return more
  const end = length.next + length.value
  if (end > maxBytes) return bad(`The CONNECT has ${end} bytes; ${maxBytes} are taken.`)
  const has = Math.min(end, bytes.length)

  // Lengths are held against the announced end first, so that a lie is known before it is waited for.
  let at = length.next
  if (at + 2 > end) return bad('The CONNECT ends before its protocol name.')
  if (at + 2 > has) return more
  const nameEnd = at + 2 + bytes.readUInt16BE(at)
  if (nameEnd + 4 > end) return bad('The CONNECT ends within its protocol name, level, flags or keep alive.')
  if (nameEnd + 4 > has) return more
  const protocolName = bytes.toString('utf8', at + 2, nameEnd)
  const protocolLevel = bytes[nameEnd] ?? 0
  at = nameEnd + 4
  if (protocolLevel === mqtt5) {
    const properties = readVarint(bytes, at, has)
    if (properties === 'bad') return bad('The length of the properties has more than four bytes.', protocolLevel)
    if (!properties) return has < end ? more : bad('The CONNECT ends within its properties.', protocolLevel)
    at = properties.next + properties.value
  }
  if (at + 2 > end) return bad('The CONNECT ends before its client id.', protocolLevel)
  if (at + 2 > has) return more
  const idEnd = at + 2 + bytes.readUInt16BE(at)
  if (idEnd > end) return bad('The CONNECT ends within its client id.', protocolLevel)
  if (bytes.length < end) return more
  return { kind: 'connect', protocolName, protocolLevel, clientId: bytes.subarray(at + 2, idEnd) }
}
