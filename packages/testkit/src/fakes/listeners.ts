import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { ServiceOwner, Services } from '@patchbay/plugin-host/services'
import type { ClientCertificate, Connection, ListenOptions, MatchAnswer } from '@patchbay/sdk'

/** More than this without an answer is nobody's. */
const maxPeekBytes = 1024

export interface ConnectOptions {
  /** The listener as the plugin named it; left out: the front door, where the matchers decide by the first bytes. */
  listener?: string
  encrypted?: boolean
  certificate?: ClientCertificate
}

export interface FakeListeners {
  /** The part of an instance's services. */
  of(owner: ServiceOwner): Pick<Services, 'match' | 'listen'>
  /** The client's end of a real connection over loopback. */
  connect(options?: ConnectOptions): Promise<Socket>
  /** Names of listeners that are open. */
  readonly open: readonly string[]
  connectionOf(socket: Duplex): Connection
  close(): Promise<void>
}

type Handler = (connection: Connection) => void
interface Matcher {
  first: (bytes: Uint8Array) => MatchAnswer
  handler: Handler
}

const toConnection = (socket: Duplex, how: ConnectOptions): Connection => ({
  socket,
  address: '127.0.0.1',
  encrypted: how.encrypted ?? false,
  ...(how.certificate ? { certificate: how.certificate } : {}),
  listener: how.listener ?? 'main',
})

/** Reads without consuming until a matcher says mine; nobody's = the connection ends. */
const peek = (socket: Socket, matchers: ReadonlyMap<string, Matcher>, how: ConnectOptions): void => {
  const seen: Buffer[] = []
  const read = (): void => {
    for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read())
      if (Buffer.isBuffer(chunk)) seen.push(chunk)
    const bytes = Buffer.concat(seen)
    if (bytes.length === 0) return
    const answers = [...matchers.values()].map((matcher) => ({ matcher, answer: matcher.first(bytes) }))
    const mine = answers.find(({ answer }) => answer === 'mine')
    if (!mine && bytes.length < maxPeekBytes && answers.some(({ answer }) => answer === 'more')) return
    socket.off('readable', read)
    if (!mine) return void socket.destroy()
    socket.unshift(bytes)
    mine.matcher.handler(toConnection(socket, how))
  }
  socket.on('readable', read)
}

/** Ports and a front door for tests: each listener is a real server on a free port of loopback. */
export function createFakeListeners(): FakeListeners {
  const handlers = new Map<string, Handler>()
  const matchers = new Map<string, Matcher>()
  const servers = new Set<ReturnType<typeof createServer>>()

  return {
    get open() {
      return [...handlers.keys(), ...matchers.keys()]
    },
    of: (owner) => ({
      match(name, first, handler) {
        matchers.set(name, { first, handler })
        owner.own(`match ${name}`, () => void matchers.delete(name))
      },
      listen(options: ListenOptions, handler) {
        handlers.set(options.name, handler)
        const forget = owner.own(`listen ${options.name}`, () => void handlers.delete(options.name))
        return async () => {
          forget()
          handlers.delete(options.name)
        }
      },
    }),
    async connect(how = {}) {
      const handler = how.listener === undefined ? undefined : handlers.get(how.listener)
      if (how.listener !== undefined && !handler) throw new TypeError(`The plugin does not listen on ${how.listener}.`)
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        if (handler) handler(toConnection(socket, how))
        else peek(socket, matchers, how)
        // One connection was all that was asked for.
        server.close()
        servers.delete(server)
      })
      servers.add(server)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      if (typeof address !== 'object' || address === null) throw new TypeError('No port was given.')
      const client = connect(address.port, '127.0.0.1')
      await once(client, 'connect')
      return client
    },
    connectionOf: (socket) => toConnection(socket, {}),
    async close() {
      for (const server of servers) server.close()
    },
  }
}
