import { createReader } from './reader.ts'

/** What a ClientHello says (RFC 6347, section 4.2.1). */
export interface ClientHello {
  version: number
  random: Buffer
  sessionId: Buffer
  cookie: Buffer
  suites: readonly number[]
  compressions: Buffer
  extendedMasterSecret: boolean
  /** RFC 5746: the client knows secure renegotiation, and is told that it is not had here. */
  renegotiationInfo: boolean
}

const extendedMasterSecret = 0x0017
const renegotiationInfo = 0xff01
/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV */
const renegotiationScsv = 0x00ff

/** Undefined for what cannot be read. */
export function readClientHello(body: Buffer): ClientHello | undefined {
  const reader = createReader(body)
  const version = reader.uint(2)
  const random = reader.bytes(32)
  const sessionId = reader.vector(1)
  const cookie = reader.vector(1)
  const suiteList = reader.vector(2)
  const compressions = reader.vector(1)
  const extensions = reader.atEnd ? new Map<number, Buffer>() : readExtensions(reader.vector(2))
  // The versions of DTLS begin so; a TLS version here is none.
  if (version >> 8 !== 0xfe) return undefined
  if (reader.failed || !reader.atEnd || !extensions || sessionId.length > 32 || suiteList.length % 2 === 1)
    return undefined
  const suites = Array.from({ length: suiteList.length / 2 }, (_, at) => suiteList.readUInt16BE(at * 2))
  return {
    version,
    random,
    sessionId,
    cookie,
    suites,
    compressions,
    extendedMasterSecret: extensions.has(extendedMasterSecret),
    renegotiationInfo: suites.includes(renegotiationScsv) || extensions.has(renegotiationInfo),
  }
}

function readExtensions(bytes: Buffer): Map<number, Buffer> | undefined {
  const reader = createReader(bytes)
  const found = new Map<number, Buffer>()
  while (!reader.atEnd && !reader.failed) found.set(reader.uint(2), reader.vector(2))
  return reader.failed ? undefined : found
}

const extension = (type: number, body: readonly number[]): Buffer =>
  Buffer.from([type >> 8, type & 0xff, body.length >> 8, body.length & 0xff, ...body])

/** The ServerHello's extensions: "An extension type MUST NOT appear in the ServerHello unless (…) in the corresponding ClientHello". */
export function writeServerExtensions(hello: ClientHello): Buffer {
  const all = Buffer.concat([
    ...(hello.extendedMasterSecret ? [extension(extendedMasterSecret, [])] : []),
    // RFC 5746, section 3.6: "an empty renegotiated_connection field"
    ...(hello.renegotiationInfo ? [extension(renegotiationInfo, [0])] : []),
  ])
  return all.length === 0 ? all : Buffer.concat([Buffer.from([all.length >> 8, all.length & 0xff]), all])
}
