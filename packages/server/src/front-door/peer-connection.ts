import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import type { Connection } from '@patchbay/sdk'

/** A connection with what only the server's own parts ask. */
export interface PeerConnection extends Connection {
  /** It is encrypted, or PATCHBAY_PLAIN permits plain text from its address. */
  readonly permitted: boolean
}

const known = new WeakMap<object, PeerConnection>()

/** Remembers a connection by its socket, for code that only sees the socket (HTTP requests). */
export function remember(connection: PeerConnection): PeerConnection {
  known.set(connection.socket, connection)
  return connection
}

/** The connection of a socket that came through the front door: `connectionOf(request.raw.socket)`. */
export const connectionOf = (socket: Duplex): PeerConnection | undefined => known.get(socket)

const deviceId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const deviceUri = /(?:^|, )URI:urn:patchbay:device:([A-Za-z0-9._:-]{1,128})(?:,|$)/

/** Who a verified client certificate names; undefined without one, or when it was not issued by the device authority. */
export function certificateOf(socket: Duplex): Connection['certificate'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const certificate: Partial<PeerCertificate> | undefined = socket.getPeerCertificate()
  const raw = certificate?.raw
  if (!certificate || !raw) return undefined
  const name: unknown = certificate.subject?.CN
  const id = deviceUri.exec(certificate.subjectaltname ?? '')?.[1] ?? name
  // Several CNs come as an array; such a subject names nobody.
  if (typeof id !== 'string' || !deviceId.test(id)) return undefined
  return { deviceId: id, fingerprint: createHash('sha256').update(raw).digest('hex') }
}
