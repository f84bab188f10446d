import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Connection, RefusedError } from '@patchbay/sdk'
import { createFakeLog } from '@patchbay/testkit'
import type { Door } from '../src/arrival.ts'
import { readLists } from '../src/document-lists.ts'
import { createGateway, type Gateway } from '../src/gateway.ts'

export interface World {
  gateway: Gateway
  /** Port of the plain listener. */
  port: number
  refused: string[]
  handedOver: Connection[]
  configure(lists: unknown): readonly string[]
  /** A listener of another kind. */
  listen(door: Partial<Door>): Promise<number>
  /** Connects a client; errors are its own affair. */
  connect(port?: number): Promise<Socket>
  own(close: () => void): void
  close(): void
}

export const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

export const listenOn = async (server: Server, port = 0): Promise<number> => {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return portOf(server)
}

/** A gateway between real sockets. */
export async function createWorld(
  lists: unknown,
  options: Partial<Parameters<typeof createGateway>[0]> = {},
): Promise<World> {
  const closing: (() => void)[] = []
  const refused: string[] = []
  const handedOver: Connection[] = []
  const gateway = createGateway({
    log: createFakeLog(),
    permitsPlain: () => true,
    trustsProxy: () => true,
    isAllowed: () => true,
    handOver: (connection) => handedOver.push(connection) > 0,
    onRefused: (_, { code }: RefusedError) => void refused.push(code),
    ...options,
  })
  const listen = async (door: Partial<Door>): Promise<number> => {
    const server = createServer({ noDelay: true }, (socket) =>
      gateway.accept(socket, { name: 'test', tls: false, proxyProtocol: false, ...door }),
    )
    closing.push(() => server.close())
    return listenOn(server)
  }
  const configure = (of: unknown): readonly string[] => {
    const { documents, problems } = readLists(of)
    if (problems.length > 0) throw new TypeError(problems.join('; '))
    return gateway.configure(documents)
  }
  configure(lists)
  const port = await listen({})
  return {
    gateway,
    port,
    refused,
    handedOver,
    configure,
    listen,
    async connect(to = port) {
      const socket = connect({ port: to, host: '127.0.0.1', noDelay: true })
      socket.on('error', () => undefined)
      closing.push(() => socket.destroy())
      await once(socket, 'connect')
      return socket
    },
    own: (close) => void closing.push(close),
    close() {
      gateway.close()
      for (const close of closing.toReversed()) close()
    },
  }
}

export interface Broker {
  port: number
  /** What each connection has sent so far. */
  received: Buffer[]
  sockets: Socket[]
  close(): void
}

/** A peer that notes what it gets, and answers as told. */
export async function startBroker(
  answer: (socket: Socket, bytes: Buffer) => void = () => undefined,
  port = 0,
): Promise<Broker> {
  const received: Buffer[] = []
  const sockets: Socket[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    const index = sockets.push(socket) - 1
    received[index] = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      received[index] = Buffer.concat([received[index] ?? Buffer.alloc(0), bytes])
      answer(socket, bytes)
    })
  })
  const broker = {
    port: await listenOn(server, port),
    received,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  return broker
}

/** All that a socket gets until it is closed. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (bytes: Buffer) => parts.push(bytes))
  if (!socket.closed) await once(socket, 'close')
  return Buffer.concat(parts)
}

export const mqttRoute = (nodes: unknown, more: object = {}, proxy: object = {}): object => ({
  stream_routes: [
    {
      id: 'r',
      plugins: { 'mqtt-proxy': { protocol_level: [3, 4, 5], ...proxy } },
      upstream: { type: 'chash', key: 'mqtt_client_id', nodes, ...more },
    },
  ],
})
