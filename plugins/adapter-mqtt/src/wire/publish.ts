import { variableLength, putVariable } from './byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import { checkResponseTopic, type Version } from './connect.ts'
import { packetTypes, type Header } from './framing.ts'
import { readProperties, type Properties } from './properties.ts'
import { writeProperties } from './property-writer.ts'
import { malformed, protocolError } from './violation.ts'

/** Where the parts of a PUBLISH are; the bytes stay where they are. */
export interface PublishParts {
  qos: 0 | 1 | 2
  retain: boolean
  topicFrom: number
  topicEnd: number
  /** 0 at QoS 0. */
  messageId: number
  properties: Properties | undefined
  payloadFrom: number
  payloadEnd: number
}

/** Reads a PUBLISH into `parts`, which is used again for the next one. */
export function readPublish(bytes: Buffer, at: number, header: Header, version: Version, parts: PublishParts): void {
  const body = at + header.headerBytes
  const end = body + header.bodyBytes
  const qos = (header.flags >> 1) & 3
  parts.qos = qos === 0 ? 0 : qos === 1 ? 1 : 2
  parts.retain = (header.flags & 1) !== 0
  if (body + 2 > end) throw malformed('The packet ends inside a field')
  parts.topicFrom = body + 2
  parts.topicEnd = parts.topicFrom + bytes.readUInt16BE(body)
  let next = parts.topicEnd
  if (next + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0) > end) throw malformed('The packet ends inside a field')
  parts.messageId = 0
  if (qos > 0) {
    parts.messageId = bytes.readUInt16BE(next)
    if (parts.messageId === 0) throw protocolError('Packet identifier 0') // [MQTT-2.2.1-2]
    next += 2
  }
  parts.properties = undefined
  if (version === 5) {
    if (bytes[next] === 0) next++
    else {
      const reader = new ByteReader(bytes, next, end)
      parts.properties = readProperties(reader, packetTypes.publish)
      checkResponseTopic(parts.properties)
      next = end - reader.left
    }
  }
  parts.payloadFrom = next
  parts.payloadEnd = end
}

export interface OutgoingPublish {
  topic: Buffer
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  dup: boolean
  messageId: number
  /** Undefined for versions before 5. */
  properties: Properties | undefined
}

export function writePublish(packet: OutgoingPublish, version: Version): Buffer {
  const { topic, payload, qos, retain, dup, messageId } = packet
  const properties = version === 5 ? writeProperties(packet.properties) : undefined
  const length = 2 + topic.length + (qos > 0 ? 2 : 0) + (properties?.length ?? 0) + payload.length
  const bytes = Buffer.allocUnsafe(1 + variableLength(length) + length)
  bytes[0] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  let at = putVariable(bytes, 1, length)
  at = bytes.writeUInt16BE(topic.length, at)
  at += topic.copy(bytes, at)
  if (qos > 0) at = bytes.writeUInt16BE(messageId, at)
  if (properties !== undefined) at += properties.copy(bytes, at)
  payload.copy(bytes, at)
  return bytes
}
