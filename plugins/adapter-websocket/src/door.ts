import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import {
  type Connection,
  isRefused,
  type Log,
  type RefusedError,
  type Session,
  type Sessions,
  toCredentials,
  type UpgradeRequest,
} from '@patchbay/sdk'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Client, createClient, protocol } from './client.ts'
import type { WebSocketConfig } from './config.ts'
import { refuse, webSocketRefusals } from './errors.ts'
import { words } from './refusal-words.ts'

/** For the answer to a goodbye, by who has not logged in. */
const goodbyeMs = 250
/** The same for everybody else. */
const closeTimeoutMs = 5_000
/** An option that the library has and its types do not. */
const closing = { closeTimeout: closeTimeoutMs }
/** So much before the login. */
const beforeLoginBytes = 4_096
/** Connections that have not logged in, at once. */
const maxWaiting = 1_000
/** Fragments of one message: each costs memory of its own. */
const maxFragments = 64
/** What is in flight gets so long when the adapter stops; then the rest is cut. */
const finishMs = 3_000
/** And so long for the closing handshake. */
const closeMs = 1_000

export interface DoorOptions {
  sessions: Sessions
  config: WebSocketConfig
  log: Log
}

/** Takes the upgrades of /v1/ws. */
export function createDoor({ sessions, config, log }: DoorOptions) {
  const clients = new Set<Client>()
  let stopping = false
  let emptied = () => {}
  let waiting = 0
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // A window of its own for each client costs more than it saves, and lets few bytes become many.
    perMessageDeflate: false,
    maxPayload: config.maxFrameKib * 1024,
    maxFragments,
    ...closing,
  })
  // The library answers a bad handshake itself and tells us afterwards.
  server.on('wsClientError', (_error, socket) => socket.destroy())

  function turnAway(connection: Connection, refused: RefusedError): void {
    if (Object.hasOwn(webSocketRefusals, refused.code) && refused.reason !== 'unavailable') {
      sessions.refuse({ protocol, address: connection.address }, { action: 'connect', refused })
    }
    const { status, title } = words[refused.reason]
    const { code, message: detail } = refused
    const body = JSON.stringify({ type: `/docs/reference/errors#${code}`, title, status, detail, code })
    const lines = [
      `HTTP/1.1 ${status} ${title}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      ...(status === 401 ? ['www-authenticate: Basic realm="patchbay", charset="UTF-8"'] : []),
      ...(refused.reason === 'unavailable' ? ['retry-after: 5'] : []),
      'connection: close',
    ]
    const { socket } = connection
    socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  }

  /** A browser adds its certificate and stored password by itself, whatever page asks: only pages of ours may lean on that. */
  function isTrusted({ headers }: UpgradeRequest): boolean {
    const { origin, host } = headers
    if (origin === undefined) return true
    if (typeof origin !== 'string' || typeof host !== 'string') return false
    return config.origins.includes(origin) || URL.parse(origin)?.host === host.toLowerCase()
  }

  async function logIn(request: UpgradeRequest, connection: Connection): Promise<Session | undefined> {
    const { authorization } = request.headers
    const { address, encrypted, certificate } = connection
    const credentials = toCredentials(typeof authorization === 'string' ? authorization : undefined, certificate)
    if (credentials.kind === 'none' && authorization === undefined) return undefined
    if (!isTrusted(request)) {
      // The page may still log in by its first frame, where it has to know a secret itself.
      if (authorization === undefined) return undefined
      throw refuse('WS_ORIGIN')
    }
    const client = new URLSearchParams(request.url.split('?')[1]).get('client')
    const clientId = client !== null && /^[\x21-\x7e]{1,128}$/.test(client) ? { clientId: client } : {}
    return sessions.open({ protocol, address, encrypted, credentials, ...clientId })
  }

  function admit(socket: WebSocket, connection: Connection, session: Session | undefined): void {
    const client = createClient({
      socket,
      connection,
      session,
      sessions,
      config,
      log,
      onClose() {
        clients.delete(client)
        if (clients.size === 0) emptied()
      },
    })
    clients.add(client)
    if (!session) watchLogin(client, socket, connection)
  }

  /** Holds a connection without a session to its time and its bytes. */
  function watchLogin(client: Client, socket: WebSocket, connection: Connection): void {
    waiting++
    let seen = 0
    const timer = setTimeout(() => {
      if (client.isWaiting) {
        client.cut(refuse('WS_AUTH_TIMEOUT'))
        // Who said nothing until now may not answer the goodbye either.
        setTimeout(() => client.terminate(), goodbyeMs)
      }
      leave()
    }, config.loginTimeoutMs)
    // It runs after the library's own listener: a login in this chunk has been taken already, and what follows it waits.
    const count = (chunk: Buffer): void => {
      seen += chunk.length
      if (!client.isWaiting || client.isLoggingIn) leave()
      else if (seen > beforeLoginBytes) {
        client.cut(refuse('WS_FRAME_TOO_LARGE', `Before the login only ${beforeLoginBytes} bytes are taken.`))
        leave()
      }
    }
    let left = false
    function leave(): void {
      if (left) return
      left = true
      waiting--
      clearTimeout(timer)
      connection.socket.off('data', count)
    }
    connection.socket.on('data', count)
    socket.once('close', leave)
  }

  async function open(request: UpgradeRequest, connection: Connection, head: Uint8Array): Promise<void> {
    try {
      if (stopping) throw refuse('WS_STOPPING')
      if (waiting >= maxWaiting) throw refuse('WS_LOGINS_WAITING')
      const session = await logIn(request, connection)
      if (connection.socket.destroyed || stopping) {
        session?.close()
        if (stopping) throw refuse('WS_STOPPING')
        return
      }
      let taken = false
      server.handleUpgrade(toMessage(request), connection.socket, Buffer.from(head), (socket) => {
        taken = true
        admit(socket, connection, session)
      })
      // A bad handshake is answered at once, by the library.
      if (!taken) session?.close()
    } catch (error) {
      if (!isRefused(error)) log.error('an upgrade failed', { error })
      turnAway(connection, isRefused(error) ? error : refuse('WS_STOPPING', undefined, error))
    }
  }

  async function close(): Promise<void> {
    stopping = true
    const empty = clients.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (emptied = resolve))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, finishMs + closeMs)))
    for (const client of clients) void client.finish()
    await Promise.race([empty, late])
    clearTimeout(timer)
    for (const client of clients) client.terminate()
  }

  return {
    onUpgrade(request: UpgradeRequest, connection: Connection, head: Uint8Array): void {
      connection.socket.on('error', () => connection.socket.destroy())
      void open(request, connection, head)
    },
    ping(): void {
      for (const client of clients) client.ping()
    },
    close,
  }
}

/** ws reads method, url and headers of the request, and nothing else. */
function toMessage(request: UpgradeRequest): IncomingMessage {
  const message = new IncomingMessage(new Socket())
  message.method = request.method
  message.url = request.url
  Object.assign(message.headers, request.headers)
  return message
}
