import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls'
import { makeTestCertificate } from './test-certificate.ts'

/** How TLS begins: `at once`, or after PostgreSQL's own question for it. */
export type TlsStart = 'at once' | 'postgres'

/** Stands before a server: speaks TLS where the server does not, and makes it slow or silent. */
export interface Front {
  readonly host: string
  readonly port: number
  /** The certificate to believe, PEM; undefined without TLS. */
  readonly ca: string | undefined
  /** What the server says comes so much later, piece by piece. */
  delay(ms: number): void
  /** What the server says is held back, until `flow`. */
  hold(): void
  flow(): void
  close(): Promise<void>
}

/** Whatever the system makes of it, so that whoever looks it up comes here. */
const host = 'localhost'

/** Length 8 and the number 80877103: a client of PostgreSQL asks whether it may speak TLS. */
const sslRequestBytes = 8
const isSslRequest = (bytes: Buffer): boolean =>
  bytes.length === sslRequestBytes && bytes.readUInt32BE(4) === 80_877_103

/** A front before the server at this address. */
export async function openFront(url: string, { tls }: { tls?: TlsStart } = {}): Promise<Front> {
  const target = new URL(url)
  const certificate = tls ? await makeTestCertificate(['localhost', '127.0.0.1']) : undefined
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let delayMs = 0
  let holds = false

  const later = (say: () => void): void => {
    if (holds) held.push(say)
    else if (delayMs > 0) setTimeout(say, delayMs)
    else say()
  }
  const lead = (near: Socket): void => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    near.pipe(far)
    near.on('close', () => far.destroy())
    far.on('data', (bytes) =>
      later(() => {
        if (!near.destroyed) near.write(bytes)
      }),
    )
    // Behind what it said before.
    far.on('close', () => later(() => near.destroySoon()))
  }
  const leadPostgres = (socket: Socket): void => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (first) => {
      if (!isSslRequest(first)) {
        socket.destroy()
        return
      }
      socket.write('S')
      lead(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(certificate) }))
    })
  }
  const server: Server =
    tls === 'postgres'
      ? createServer(leadPostgres)
      : certificate
        ? createTlsServer(certificate, lead).on('tlsClientError', () => undefined)
        : createServer(lead)
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  return {
    host,
    port: typeof address === 'object' && address ? address.port : 0,
    ca: certificate?.cert,
    delay: (ms) => (delayMs = ms),
    hold: () => (holds = true),
    flow() {
      holds = false
      for (const say of held.splice(0)) say()
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
