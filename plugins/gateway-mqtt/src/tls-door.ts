import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { refuse } from './errors.ts'
import { loginMs } from './limits.ts'
import { toServerName } from './route.ts'
import type { Ssl } from './schemas.ts'

/** Speaks the server's side of TLS with the certificate (ssls) of the name that the client asks for. */
export interface TlsDoor {
  /** Rejects with `Refused`: no certificate for the name, or a handshake that failed. */
  secure(socket: Socket, serverName: string | undefined): Promise<TLSSocket>
  readonly problems: readonly string[]
}

export interface TlsDoorOptions {
  ssls: ReadonlyMap<string, Ssl>
  /** For clients that ask for no name. */
  fallbackName?: string | undefined
}

type Outcome = (secured: TLSSocket | undefined, error?: Error) => void

// A TLSSocket does not say which socket it was made of; the two ends of a TCP connection name it.
const nameOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`

interface Certificate {
  secure(socket: Socket): Promise<TLSSocket>
}

/** One certificate's server, which never listens: sockets are given to it, as Node's documentation allows. */
function createCertificate({ cert, key, certs = [], keys = [], client, ssl_protocols: protocols }: Ssl): Certificate {
  const pending = new Map<string, Outcome>()
  const server: Server = createServer({
    cert: [cert, ...certs],
    key: [key, ...keys],
    handshakeTimeout: loginMs,
    minVersion: protocols?.includes('TLSv1.1')
      ? 'TLSv1.1'
      : protocols?.includes('TLSv1.2') === false
        ? 'TLSv1.3'
        : 'TLSv1.2',
    maxVersion: protocols?.includes('TLSv1.3') === false ? 'TLSv1.2' : 'TLSv1.3',
    ...(client ? { ca: client.ca, requestCert: true, rejectUnauthorized: true } : {}),
  })
  const settle = (socket: TLSSocket, error?: Error): void => {
    const outcome = pending.get(nameOf(socket))
    pending.delete(nameOf(socket))
    if (error || !outcome) socket.destroy()
    outcome?.(error ? undefined : socket, error)
  }
  server.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy())
    settle(socket)
  })
  server.on('tlsClientError', (error, socket) => settle(socket, error))
  return {
    secure: (socket) =>
      new Promise((resolve, reject) => {
        const name = nameOf(socket)
        const outcome: Outcome = (secured, error) => {
          if (secured) resolve(secured)
          else reject(refuse('GATEWAY_TLS', error && `The TLS handshake failed: ${error.message}`, error))
        }
        pending.set(name, outcome)
        socket.once('close', () => {
          if (pending.get(name) !== outcome) return
          pending.delete(name)
          outcome(undefined)
        })
        server.emit('connection', socket)
      }),
  }
}

export function createTlsDoor({ ssls, fallbackName }: TlsDoorOptions): TlsDoor {
  const exact = new Map<string, Certificate>()
  const problems: string[] = []
  for (const [id, ssl] of ssls) {
    if (ssl.type !== 'server' || ssl.status === 0) continue
    try {
      const certificate = createCertificate(ssl)
      for (const name of [...(ssl.sni === undefined ? [] : [ssl.sni]), ...(ssl.snis ?? [])])
        exact.set(toServerName(name), certificate)
      if (ssl.client && ssl.client.depth !== 1)
        problems.push(`ssls/${id}: client.depth ${ssl.client.depth} is not enforced; any chain up to the CA is taken`)
    } catch (error) {
      problems.push(
        `ssls/${id}: certificate and key cannot be used: ${error instanceof Error ? error.message : 'unknown'}`,
      )
    }
  }
  const find = (serverName: string | undefined): Certificate | undefined => {
    const name = serverName ?? fallbackName
    if (name === undefined) return undefined
    const plain = toServerName(name)
    // One label for a wildcard, as in certificates (RFC 6125, section 6.4.3).
    return exact.get(plain) ?? exact.get(`*.${plain.split('.').slice(1).join('.')}`)
  }
  return {
    problems,
    async secure(socket, serverName) {
      const certificate = find(serverName)
      if (!certificate)
        throw refuse(
          'GATEWAY_NO_CERTIFICATE',
          `No certificate (ssls) is there for ${serverName ?? 'a client without a server name'}`,
        )
      return certificate.secure(socket)
    },
  }
}
