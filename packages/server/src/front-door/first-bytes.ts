import type { MatchAnswer } from '@patchbay/sdk'

/** Most bytes that are read before a protocol must be known. */
export const maxFirstBytes = 4096

const methods = ['GET ', 'POST ', 'PUT ', 'PATCH ', 'DELETE ', 'HEAD ', 'OPTIONS '].map((word) => Buffer.from(word))

/** Is it an HTTP/1 request? `more` while the bytes are the beginning of a method word. */
export function isHttp(bytes: Uint8Array): MatchAnswer {
  let answer: MatchAnswer = 'no'
  for (const word of methods) {
    const length = Math.min(word.length, bytes.length)
    if (word.compare(bytes, 0, length, 0, length) !== 0) continue
    if (length === word.length) return 'mine'
    answer = 'more'
  }
  return answer
}

const handshakeRecord = 0x16
const recordHeadBytes = 5

/**
 * Is it TLS? `more` until the whole first record (RFC 8446, section 5.1) is here: the costly TLS side is not built for a peer that
 * drips its ClientHello.
 */
export function isTls(bytes: Uint8Array): MatchAnswer {
  if (bytes[0] !== handshakeRecord) return 'no'
  if (bytes.length > 1 && bytes[1] !== 3) return 'no'
  if (bytes.length < recordHeadBytes) return 'more'
  const recordBytes = ((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0)
  return bytes.length >= Math.min(recordHeadBytes + recordBytes, maxFirstBytes) ? 'mine' : 'more'
}
