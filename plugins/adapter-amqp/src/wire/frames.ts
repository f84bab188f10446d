import { Violation } from './violation.ts'

/** What a connection begins with. [AMQP 2.2] The fifth byte is 3 for SASL, 0 for AMQP itself. */
export const headerBytes = 8
export const saslHeader: Buffer = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1')
export const amqpHeader: Buffer = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')

/** The least that a peer must take. [AMQP 2.4.1] */
export const leastFrameBytes = 512
const frameHeadBytes = 8

export const frameTypes = { amqp: 0, sasl: 1 } as const

export interface RawFrame {
  type: number
  channel: number
  /** Where the body begins in `bytes`, which ends with the frame. */
  start: number
  bytes: Buffer
}

/** Cuts a stream into protocol headers and frames. What is announced too large is refused before it has come. */
export class Splitter {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
  }

  header(): Buffer | undefined {
    if (this.#rest.length < headerBytes) return undefined
    return this.#take(headerBytes)
  }

  frame(maxBytes: number): RawFrame | undefined {
    if (this.#rest.length < 4) return undefined
    const size = this.#rest.readUInt32BE(0)
    if (size < frameHeadBytes) throw new Violation('amqp:connection:framing-error', 'A frame is smaller than its head.')
    if (size > maxBytes)
      throw new Violation('amqp:connection:framing-error', `A frame of ${size} bytes is over the limit of ${maxBytes}.`)
    if (this.#rest.length < size) return undefined
    const bytes = this.#take(size)
    const start = (bytes[4] ?? 0) * 4
    if (start < frameHeadBytes || start > size)
      throw new Violation('amqp:connection:framing-error', 'The data offset of a frame is outside of it.')
    return { type: bytes[5] ?? 0, channel: bytes.readUInt16BE(6), start, bytes }
  }

  #take(bytes: number): Buffer {
    const taken = this.#rest.subarray(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return taken
  }
}

/** A frame of parts; without parts it is the empty frame that keeps a connection alive. [AMQP 2.3] */
export function toFrame(type: number, channel: number, parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(frameHeadBytes)
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, frameHeadBytes),
    0,
  )
  head[4] = 2
  head[5] = type
  head.writeUInt16BE(channel, 6)
  return Buffer.concat([head, ...parts])
}
