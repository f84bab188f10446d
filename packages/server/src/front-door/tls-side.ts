import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { TlsContexts } from '../tls/tls-contexts.ts'

type Outcome = (secured: TLSSocket | undefined, error?: Error) => void

export interface TlsSide {
  /** Speaks the server's side of TLS on a socket from its first byte; calls back once, with nothing when the handshake failed. */
  secure(socket: Socket, outcome: Outcome): void
  close(): void
}

// A TLSSocket does not say which socket it was made of; the two ends of a TCP connection name it.
const nameOf = (socket: Socket) =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`

/** One TLS server that never listens: connections are given to it by emitting `connection`, as Node's documentation allows. */
export function createTlsSide(contexts: TlsContexts, handshakeMs: number): TlsSide {
  const pending = new Map<string, Outcome>()
  const server = createServer({
    ...contexts.options(),
    // Asked for, never demanded; who is believed is settled by `authorized` later.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
    ALPNCallback: ({ protocols }) => contexts.alpn(protocols),
  })
  const forget = contexts.onChange(() => server.setSecureContext(contexts.options()))
  const settle = (socket: TLSSocket, error?: Error) => {
    const name = nameOf(socket)
    const outcome = pending.get(name)
    pending.delete(name)
    if (error || !outcome) socket.destroy()
    outcome?.(error ? undefined : socket, error)
  }
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => socket.destroy())
    settle(socket)
  })
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => settle(socket, error))
  return {
    secure(socket, outcome) {
      const name = nameOf(socket)
      pending.set(name, outcome)
      socket.once('close', () => {
        if (pending.get(name) !== outcome) return
        pending.delete(name)
        outcome(undefined)
      })
      server.emit('connection', socket)
    },
    close: forget,
  }
}
