import { malformedPacket } from './errors.ts'
import type { Refused } from '@patchbay/sdk'

/** Control packet types [MQTT 2.1.2]. */
export const packetTypes = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
} as const

export interface Header {
  type: number
  flags: number
  /** Of the fixed header. */
  headerBytes: number
  /** Of what follows it. */
  bodyBytes: number
}

const maxLengthBytes = 4

/** The fixed header at `at`; undefined while it is not all there. [MQTT 2.1.1] */
export function readHeader(bytes: Buffer, at: number): Header | Refused | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const header: Header = { type: first >> 4, flags: first & 0x0f, headerBytes: 1, bodyBytes: 0 }
  const wrong = headerProblem(header)
  if (wrong !== undefined) return malformedPacket(wrong)
  for (let shift = 0; ; shift += 7) {
    // [MQTT-1.5.5-1] at most four bytes, whatever they say
    if (header.headerBytes > maxLengthBytes) return malformedPacket('The remaining length has more than four bytes')
    const next = bytes[at + header.headerBytes]
    if (next === undefined) return undefined
    header.bodyBytes += (next & 0x7f) * 2 ** shift
    header.headerBytes++
    if ((next & 0x80) === 0) return header
  }
}

/** What only a server sends: CONNACK, SUBACK, UNSUBACK, PINGRESP. */
const serverOnly = new Set([2, 9, 11, 13])
/** [MQTT-2.1.3-1] PUBREL, SUBSCRIBE and UNSUBSCRIBE have the reserved flags 0010, all but PUBLISH have 0000. */
const flagged = new Set([6, 8, 10])

function headerProblem({ type, flags }: Header): string | undefined {
  if (type === 0 || serverOnly.has(type)) return `A client does not send packets of type ${type}`
  if (type === packetTypes.publish) {
    const qos = (flags >> 1) & 3
    if (qos === 3) return 'QoS 3 does not exist' // [MQTT-3.3.1-4]
    return qos === 0 && (flags & 8) !== 0 ? 'DUP is set on a QoS 0 message' : undefined // [MQTT-3.3.1-2]
  }
  return flags === (flagged.has(type) ? 2 : 0) ? undefined : `Reserved flags ${flags} of packet type ${type}`
}

/** What is wrong inside a whole packet, as far as the framing needs to know: identifiers that are missing or zero. */
export function bodyProblem(bytes: Buffer, at: number, header: Header): string | undefined {
  const body = at + header.headerBytes
  const end = body + header.bodyBytes
  if (header.type >= packetTypes.puback && header.type <= 10) {
    return hasId(bytes, body, end) ? undefined : 'The packet identifier is missing or zero' // [MQTT-2.2.1-2]
  }
  if (header.type === packetTypes.publish && (header.flags & 6) !== 0) {
    const topicBytes = body + 2 <= end ? bytes.readUInt16BE(body) : 0
    return hasId(bytes, body + 2 + topicBytes, end) ? undefined : 'The packet identifier is missing or zero'
  }
  // [MQTT-3.12.1] PINGREQ has no body
  return header.type === 12 && header.bodyBytes > 0 ? 'PINGREQ has a body' : undefined
}

const hasId = (bytes: Buffer, at: number, end: number) => at + 2 <= end && bytes.readUInt16BE(at) !== 0

export type ConnectVersion = 3 | 4 | 5

/** Protocol name and level of a CONNECT. `unsupported`: a protocol level that only a CONNACK 1 answers. [MQTT-3.1.2-2] */
export function connectVersion(bytes: Buffer, at: number, header: Header): ConnectVersion | 'unsupported' | Refused {
  const body = at + header.headerBytes
  const end = body + header.bodyBytes
  const nameBytes = body + 2 <= end ? bytes.readUInt16BE(body) : 0
  const levelAt = body + 2 + nameBytes
  const level = levelAt < end ? bytes[levelAt] : undefined
  if (level === undefined) return malformedPacket('The CONNECT is too short')
  const name = bytes.toString('latin1', body + 2, levelAt)
  // the highest bit marks a bridge to some brokers
  const version = level & 0x7f
  if (name === 'MQTT') return version === 4 || version === 5 ? version : 'unsupported'
  if (name === 'MQIsdp') return version === 3 ? 3 : 'unsupported'
  return malformedPacket('The protocol name is not MQTT') // [MQTT-3.1.2-1]
}
