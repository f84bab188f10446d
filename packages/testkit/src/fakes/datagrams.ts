import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { ServiceOwner, Services } from '@patchbay/plugin-host/services'
import type { DatagramPort, OnDatagram } from '@patchbay/sdk'

export interface FakeDatagrams {
  /** The part of an instance's services. */
  of(owner: ServiceOwner): Pick<Services, 'matchUdp' | 'listenUdp'>
  /** Names of UDP listeners and matchers that are open. */
  readonly open: readonly string[]
  /** A client's socket, connected to a listener by its name; left out: to the shared port, where the matchers decide. */
  connect(listener?: string): Promise<Socket>
  close(): Promise<void>
}

const shared = 'main'

const bound = async (): Promise<Socket> => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** UDP for tests: each listener is a real socket on a free port of loopback. */
export function createFakeDatagrams(): FakeDatagrams {
  const handlers = new Map<string, OnDatagram>()
  const matchers = new Map<string, { first: (bytes: Uint8Array) => boolean; onDatagram: OnDatagram }>()
  const servers = new Map<string, Promise<Socket>>()
  const clients = new Set<Socket>()

  const take = (listener: string, bytes: Buffer): OnDatagram | undefined =>
    listener === shared ? [...matchers.values()].find(({ first }) => first(bytes))?.onDatagram : handlers.get(listener)

  const serve = async (listener: string): Promise<Socket> => {
    const socket = await bound()
    const port: DatagramPort = {
      listener,
      send: (bytes, to) => socket.send(bytes, to.port, to.address, () => undefined),
    }
    socket.on('message', (bytes, from) => {
      if (from.port !== 0) take(listener, bytes)?.(bytes, { address: from.address, port: from.port }, port)
    })
    return socket
  }

  return {
    get open() {
      return [...handlers.keys(), ...matchers.keys()]
    },
    of: (owner) => ({
      matchUdp(name, first, onDatagram) {
        matchers.set(name, { first, onDatagram })
        owner.own(`match ${name}`, () => void matchers.delete(name))
      },
      listenUdp({ name }, onDatagram) {
        handlers.set(name, onDatagram)
        owner.own(`listen ${name}`, () => void handlers.delete(name))
      },
    }),
    async connect(listener = shared) {
      let server = servers.get(listener)
      if (!server) servers.set(listener, (server = serve(listener)))
      const { port } = (await server).address()
      const client = await bound()
      clients.add(client)
      client.once('close', () => clients.delete(client))
      client.connect(port, '127.0.0.1')
      await once(client, 'connect')
      return client
    },
    async close() {
      for (const client of clients) client.close()
      for (const server of servers.values()) (await server).close()
      servers.clear()
    },
  }
}
