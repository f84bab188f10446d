import { maxHandshakeMessageBytes, maxMessagesAhead } from './limits.ts'

/** RFC 6347, section 4.3.2. */
export const handshakeType = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  finished: 20,
} as const

const headBytes = 12

/** A handshake message, whole. */
export interface HandshakeMessage {
  type: number
  /** message_seq */
  sequence: number
  body: Buffer
}

export interface Fragment extends HandshakeMessage {
  /** Length of the whole message. */
  length: number
  offset: number
}

/** The fragments in a record; what is not well formed ends them. */
export function readFragments(bytes: Buffer): Fragment[] {
  const fragments: Fragment[] = []
  let at = 0
  while (at + headBytes <= bytes.length) {
    const length = bytes.readUIntBE(at + 1, 3)
    const offset = bytes.readUIntBE(at + 6, 3)
    const size = bytes.readUIntBE(at + 9, 3)
    const end = at + headBytes + size
    if (end > bytes.length || offset + size > length || length > maxHandshakeMessageBytes) break
    fragments.push({
      type: bytes[at] ?? 0,
      sequence: bytes.readUInt16BE(at + 4),
      length,
      offset,
      body: bytes.subarray(at + headBytes, end),
    })
    at = end
  }
  return fragments
}

export function writeFragment({ type, sequence, length, offset, body }: Fragment): Buffer {
  const head = Buffer.alloc(headBytes)
  head[0] = type
  head.writeUIntBE(length, 1, 3)
  head.writeUInt16BE(sequence, 4)
  head.writeUIntBE(offset, 6, 3)
  head.writeUIntBE(body.length, 9, 3)
  return Buffer.concat([head, body])
}

/** "as if each handshake message had been sent as a single fragment" (RFC 6347, section 4.2.6): what the transcript takes. */
export const writeMessage = (message: HandshakeMessage): Buffer =>
  writeFragment({ ...message, length: message.body.length, offset: 0 })

/** Cuts a message so that no piece of its body is longer. */
export function* fragmentsOf(message: HandshakeMessage, most: number): Generator<Buffer> {
  const { body } = message
  let offset = 0
  do {
    yield writeFragment({ ...message, length: body.length, offset, body: body.subarray(offset, offset + most) })
    offset += most
  } while (offset < body.length)
}

interface Partial {
  type: number
  body: Buffer
  has: Uint8Array
  missing: number
}

/** Puts messages together, in order of their numbers. */
export function createReassembly(firstSequence: number) {
  const partials = new Map<number, Partial>()
  let next = firstSequence

  return {
    get next() {
      return next
    },
    /** Takes a fragment; one that is old, too far ahead or of another message of the same number is left out. */
    add({ type, sequence, length, offset, body }: Fragment): void {
      if (sequence < next || sequence >= next + maxMessagesAhead) return
      let partial = partials.get(sequence)
      if (!partial) {
        partial = { type, body: Buffer.alloc(length), has: new Uint8Array(length), missing: length }
        partials.set(sequence, partial)
      }
      if (partial.type !== type || partial.body.length !== length) return
      // "DTLS implementations MUST be able to handle overlapping fragment ranges." (section 4.2.3)
      for (let at = 0; at < body.length; at++) {
        if (partial.has[offset + at]) continue
        partial.has[offset + at] = 1
        partial.body[offset + at] = body[at] ?? 0
        partial.missing--
      }
    },
    /** The next message, when it is whole. */
    take(): HandshakeMessage | undefined {
      const partial = partials.get(next)
      if (!partial || partial.missing > 0) return undefined
      partials.delete(next)
      return { type: partial.type, sequence: next++, body: partial.body }
    },
  }
}
