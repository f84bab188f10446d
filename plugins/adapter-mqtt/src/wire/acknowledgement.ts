import { ByteReader } from './byte-reader.ts'
import { lengthBytes, toPacket, variableBytes } from './byte-writer.ts'
import type { Version } from './connect.ts'
import { packetTypes } from './framing.ts'
import { readProperties } from './properties.ts'
import { protocolError } from './violation.ts'

export interface Acknowledgement {
  messageId: number
  reasonCode: number
}

/** [MQTT 5, 3.4.2.1] [3.5.2.1] [3.6.2.1] [3.7.2.1] */
const received = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const released = new Set([0x00, 0x92])

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export function readAcknowledgement(reader: ByteReader, type: number, version: Version): Acknowledgement {
  const messageId = reader.twoBytes()
  let reasonCode = 0
  if (version === 5 && reader.left > 0) {
    reasonCode = reader.byte()
    if (reader.left > 0) readProperties(reader, type)
  }
  reader.finish()
  if (messageId === 0) throw protocolError('Packet identifier 0') // [MQTT-2.2.1-2]
  const codes = type === packetTypes.puback || type === packetTypes.pubrec ? received : released
  if (!codes.has(reasonCode)) throw protocolError(`Reason code ${reasonCode} does not belong here`)
  return { messageId, reasonCode }
}

/** The two-byte body that says success, in every version. */
export const plainAcknowledgement = (type: number, messageId: number): Buffer =>
  Buffer.from([(type << 4) | (type === packetTypes.pubrel ? 2 : 0), 2, messageId >> 8, messageId & 0xff])

export function writeAcknowledgement(type: number, messageId: number, reasonCode: number, reason?: string): Buffer {
  const plain = plainAcknowledgement(type, messageId)
  const first = plain[0] ?? 0
  if (reasonCode === 0) return plain
  const code = Buffer.from([reasonCode])
  if (reason === undefined) return toPacket(first, plain.subarray(2), code)
  return toPacket(first, plain.subarray(2), code, reasonProperty(reason))
}

const maxReasonBytes = 512

export function reasonProperty(reason: string): Buffer {
  const text = lengthBytes(Buffer.from(reason).subarray(0, maxReasonBytes))
  return Buffer.concat([variableBytes(text.length + 1), Buffer.from([0x1f]), text])
}

/** [MQTT 5, 3.14.2.1] what a client may say when it leaves. */
const leaving = new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])

export interface Disconnect {
  reasonCode: number
  sessionExpiryInterval: number | undefined
}

export function readDisconnect(reader: ByteReader, version: Version): Disconnect {
  let reasonCode = 0
  let sessionExpiryInterval: number | undefined
  if (version === 5 && reader.left > 0) {
    reasonCode = reader.byte()
    if (reader.left > 0) sessionExpiryInterval = readProperties(reader, packetTypes.disconnect)?.sessionExpiryInterval
  }
  reader.finish()
  // a code that a client does not have is no goodbye; it is leaving all the same, and is not told
  return { reasonCode: leaving.has(reasonCode) ? reasonCode : 0x82, sessionExpiryInterval }
}

export const writeDisconnect = (reasonCode: number, reason?: string): Buffer =>
  reason === undefined
    ? toPacket(0xe0, Buffer.from([reasonCode]))
    : toPacket(0xe0, Buffer.from([reasonCode]), reasonProperty(reason))
