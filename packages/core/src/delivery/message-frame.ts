import { crc32 } from 'node:zlib'
import { MessageProperties } from '@patchbay/contracts/bridge'
import type { Qos } from '@patchbay/contracts/message'
import { Compile } from 'typebox/compile'

/** A message as a queue keeps it. */
export interface KeptMessage {
  topic: string
  bytes: Uint8Array
  qos: Qos
  retain: boolean
  /** Integer microseconds since 1970. */
  at: number
  properties?: MessageProperties
}

/**
 * A frame: length of the body and its CRC-32 (4 bytes each), then the body: flags (1), time (8), length of the topic (2) and of the properties (4),
 * topic, properties as JSON, payload. Big endian.
 */
export const frameHeaderBytes = 8
const bodyHeaderBytes = 15
const retainFlag = 4
const qosMask = 3

const isProperties = Compile(MessageProperties)

/** Copies the payload, so that its owner may use the buffer again. */
export function toFrame({ topic, bytes, qos, retain, at, properties }: KeptMessage): Buffer {
  const name = Buffer.from(topic)
  const more = properties === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(properties))
  const body = bodyHeaderBytes + name.length + more.length + bytes.length
  const frame = Buffer.allocUnsafe(frameHeaderBytes + body)
  frame.writeUInt32BE(body, 0)
  let place = frameHeaderBytes
  place = frame.writeUInt8(qos | (retain ? retainFlag : 0), place)
  place = frame.writeDoubleBE(at, place)
  place = frame.writeUInt16BE(name.length, place)
  place = frame.writeUInt32BE(more.length, place)
  place += name.copy(frame, place)
  place += more.copy(frame, place)
  frame.set(bytes, place)
  frame.writeUInt32BE(crc32(frame.subarray(frameHeaderBytes)), 4)
  return frame
}

/** Bytes of the frame that begins here; undefined while its header is not all there. */
export const frameLength = (buffer: Buffer, from: number): number | undefined =>
  buffer.length - from < frameHeaderBytes ? undefined : frameHeaderBytes + buffer.readUInt32BE(from)

/** A whole frame; undefined: it was torn or has changed on the disk. */
export function ofFrame(frame: Buffer): KeptMessage | undefined {
  if (frame.length < frameHeaderBytes + bodyHeaderBytes) return undefined
  const body = frame.subarray(frameHeaderBytes)
  if (body.length !== frame.readUInt32BE(0) || crc32(body) !== frame.readUInt32BE(4)) return undefined
  const flags = body.readUInt8(0)
  const topicEnd = bodyHeaderBytes + body.readUInt16BE(9)
  const moreEnd = topicEnd + body.readUInt32BE(11)
  if (moreEnd > body.length) return undefined
  const more: unknown = moreEnd > topicEnd ? JSON.parse(body.subarray(topicEnd, moreEnd).toString()) : undefined
  const qos = flags & qosMask
  return {
    topic: body.subarray(bodyHeaderBytes, topicEnd).toString(),
    bytes: body.subarray(moreEnd),
    qos: qos === 0 || qos === 1 ? qos : 2,
    retain: (flags & retainFlag) !== 0,
    at: body.readDoubleBE(1),
    ...(isProperties.Check(more) ? { properties: more } : {}),
  }
}
