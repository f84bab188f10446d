import { malformed, protocolError, type Violation } from './violation.ts'

/** Control packet types [MQTT 2.1.2]. */
export const packetTypes = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
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
export function readHeader(bytes: Buffer, at: number): Header | Violation | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const wrong = headerProblem(first)
  if (wrong !== undefined) return wrong
  const header: Header = { type: first >> 4, flags: first & 0x0f, headerBytes: 1, bodyBytes: 0 }
  for (let shift = 0; ; shift += 7) {
    // [MQTT-1.5.5-1] at most four bytes, whatever they say
    if (header.headerBytes > maxLengthBytes) return malformed('The remaining length has more than four bytes')
    const next = bytes[at + header.headerBytes]
    if (next === undefined) return undefined
    header.bodyBytes += (next & 0x7f) * 2 ** shift
    header.headerBytes++
    if ((next & 0x80) === 0) return header
  }
}

/** What only a server sends: CONNACK, SUBACK, UNSUBACK, PINGRESP. */
const serverOnly = new Set<number>([
  packetTypes.connack,
  packetTypes.suback,
  packetTypes.unsuback,
  packetTypes.pingresp,
])
/** [MQTT-2.1.3-1] PUBREL, SUBSCRIBE and UNSUBSCRIBE have the reserved flags 0010, in MQTT 3.1 with DUP; all but PUBLISH have 0000. */
const flagged = new Set<number>([packetTypes.pubrel, packetTypes.subscribe, packetTypes.unsubscribe])

function headerProblem(first: number): Violation | undefined {
  const type = first >> 4
  const flags = first & 0x0f
  if (type === packetTypes.publish) {
    const qos = (flags >> 1) & 3
    if (qos === 3) return malformed('QoS 3 does not exist') // [MQTT-3.3.1-4]
    return qos === 0 && (flags & 8) !== 0 ? malformed('DUP is set on a QoS 0 message') : undefined // [MQTT-3.3.1-2]
  }
  const isAnswer = type === packetTypes.suback || type === packetTypes.unsuback
  // either code ends the connection; these two are what others answer with, and what clients are tested with
  if (isAnswer && flags !== 0) return malformed(`Reserved flags ${flags} of packet type ${type}`)
  if (type === 0 || serverOnly.has(type)) return protocolError(`A client does not send packets of type ${type}`)
  // [MQTT 5, 4.12] no enhanced authentication has been agreed on
  if (type === packetTypes.auth) return protocolError('AUTH has no place here')
  const isFlagged = flagged.has(type)
  return (isFlagged ? flags & 7 : flags) === (isFlagged ? 2 : 0)
    ? undefined
    : malformed(`Reserved flags ${flags} of packet type ${type}`)
}
