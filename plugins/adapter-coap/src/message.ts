import { generate, parse, type ParsedPacket } from 'coap-packet'
import { limits } from './limits.ts'

export type MessageType = 'con' | 'non' | 'ack' | 'rst'

/** One message of RFC 7252. `code` is written `c.dd`, as the RFC does. */
export interface Message {
  type: MessageType
  code: string
  messageId: number
  token: Buffer
  options: readonly Option[]
  payload: Buffer
}

export interface Option {
  /** The RFC's name, or the number as text where coap-packet knows none. */
  name: string
  value: Buffer
}

const none = Buffer.alloc(0)
const types: readonly MessageType[] = ['con', 'non', 'ack', 'rst']
const marker = 0xff

/** A datagram as a message; `malformed` where RFC 7252 has it rejected, undefined where it is to be ignored in silence. */
export function readMessage(bytes: Buffer): Message | 'malformed' | undefined {
  const [head, code] = bytes
  // "Messages with unknown version numbers MUST be silently ignored." (section 3)
  if (head === undefined || code === undefined || bytes.length < 4 || head >> 6 !== 1) return undefined
  if (!isWellFormed(bytes, head, code)) return 'malformed'
  let parsed: ParsedPacket
  try {
    parsed = parse(bytes)
  } catch {
    // The check above is the stricter one; whatever the parser finds beyond it is a format error too.
    return 'malformed'
  }
  return {
    type: typeOf(head),
    code: parsed.code,
    messageId: parsed.messageId,
    token: parsed.token,
    options: parsed.options.map(({ name, value }) => ({ name: String(name), value })),
    payload: parsed.payload,
  }
}

/** Type and id of a datagram that is no message otherwise, so that it can be reset. */
export const readHead = (bytes: Buffer): { type: MessageType; messageId: number } => ({
  type: typeOf(bytes[0] ?? 0),
  messageId: bytes.readUInt16BE(2),
})

const typeOf = (head: number): MessageType => types[(head >> 4) & 3] ?? 'rst'

/** What coap-packet does not look at: lengths that lead past the end, and everything else that section 3 calls a format error. */
function isWellFormed(bytes: Buffer, head: number, code: number): boolean {
  const tokenBytes = head & 15
  // "Lengths 9-15 are reserved, MUST NOT be sent, and MUST be processed as a message format error."
  if (tokenBytes > limits.tokenBytes) return false
  if (code === 0) return bytes.length === 4 && tokenBytes === 0
  const codeClass = code >> 5
  if (codeClass === 1 || codeClass > 5) return false
  let at = 4 + tokenBytes
  let number = 0
  for (let count = 0; at < bytes.length; count++) {
    const first = bytes[at] ?? 0
    // "The presence of a marker followed by a zero-length payload MUST be processed as a message format error."
    if (first === marker) return at + 1 < bytes.length
    if (count === limits.optionsPerMessage) return false
    const delta = extended(bytes, at + 1, first >> 4)
    if (!delta) return false
    const length = extended(bytes, delta.next, first & 15)
    if (!length) return false
    number += delta.value
    at = length.next + length.value
    if (number > 65_535) return false
  }
  return at === bytes.length
}

function extended(bytes: Buffer, at: number, nibble: number): { value: number; next: number } | undefined {
  if (nibble < 13) return { value: nibble, next: at }
  if (nibble === 13) return at < bytes.length ? { value: (bytes[at] ?? 0) + 13, next: at + 1 } : undefined
  if (nibble === 15 || at + 2 > bytes.length) return undefined
  return { value: bytes.readUInt16BE(at) + 269, next: at + 2 }
}

/** Room for headers and options beside the payload. */
const maxMessageBytes = 65_000

export function writeMessage({ type, code, messageId, token, options, payload }: Message): Buffer {
  return generate(
    {
      code,
      confirmable: type === 'con',
      ack: type === 'ack',
      reset: type === 'rst',
      messageId,
      token,
      options: options.map(({ name, value }) => ({ name, value })),
      payload,
    },
    maxMessageBytes,
  )
}

/** An empty ACK or RST, or as a CON the ping of section 4.3. */
export const writeEmpty = (type: MessageType, messageId: number): Buffer =>
  writeMessage({ type, code: '0.00', messageId, token: none, options: [], payload: none })

export const isRequest = (code: string): boolean => code.startsWith('0.') && code !== '0.00'
