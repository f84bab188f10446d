import type { Duplex } from 'node:stream'
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
