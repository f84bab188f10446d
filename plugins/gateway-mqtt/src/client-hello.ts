const handshakeRecord = 0x16
const clientHello = 1
const serverNameExtension = 0
const hostName = 0
const recordHead = 5

/** What the first bytes of a connection say of TLS: nothing yet, no TLS, or a ClientHello with or without a server name. */
export type HelloRead = 'more' | 'no' | { serverName: string | undefined }

/** A cursor that never reads past its end: what is missing reads as NaN, which no comparison takes. */
const at16 = (bytes: Buffer, at: number): number => ((bytes[at] ?? Number.NaN) << 8) | (bytes[at + 1] ?? 0)

/** The handshake message, put together from its records; undefined while bytes are missing. */
function joinRecords(bytes: Buffer): Buffer | 'no' | undefined {
  const parts: Buffer[] = []
  let have = 0
  let want = Number.POSITIVE_INFINITY
  for (let at = 0; have < want;) {
    if (at + recordHead > bytes.length) return undefined
    if (bytes[at] !== handshakeRecord || bytes[at + 1] !== 3) return 'no'
    const length = at16(bytes, at + 3)
    const part = bytes.subarray(at + recordHead, at + recordHead + length)
    if (part.length < length) return undefined
    parts.push(part)
    have += length
    at += recordHead + length
    const head = parts.length === 1 ? part : Buffer.concat(parts)
    if (head.length >= 4) want = 4 + head.readUIntBE(1, 3)
    if (length === 0) return 'no'
  }
  return Buffer.concat(parts).subarray(0, want)
}

function readServerName(hello: Buffer): string | undefined {
  // Head, version and random come first; session id, cipher suites and compression methods have lengths of their own.
  let at = 4 + 2 + 32
  at += 1 + (hello[at] ?? 0)
  at += 2 + at16(hello, at)
  at += 1 + (hello[at] ?? 0)
  const end = Math.min(at + 2 + at16(hello, at), hello.length)
  at += 2
  while (at + 4 <= end) {
    const length = at16(hello, at + 2)
    if (at16(hello, at) === serverNameExtension && at + 4 + length <= end && hello[at + 6] === hostName) {
      const nameLength = at16(hello, at + 7)
      if (nameLength + 5 <= length) return hello.toString('latin1', at + 9, at + 9 + nameLength)
    }
    at += 4 + length
  }
  return undefined
}

/** Reads the server name that a TLS client asks for, without consuming anything. */
export function readClientHello(bytes: Buffer): HelloRead {
  if (bytes.length === 0) return 'more'
  if (bytes[0] !== handshakeRecord) return 'no'
  const hello = joinRecords(bytes)
  if (hello === undefined) return 'more'
  if (hello === 'no') return 'no'
  return hello[0] === clientHello ? { serverName: readServerName(hello) } : 'no'
}
