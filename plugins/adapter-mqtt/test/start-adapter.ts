import { createServer as createHttpServer } from 'node:http'
import { createServer, connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { generate, parser, type Packet } from 'mqtt-packet'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Connection, Context, UpgradeRequest } from '@patchbay/sdk'
import plugin from '../src/index.ts'
import { backing } from './backing.ts'
import { FakePlatform } from './fake-platform.ts'

const log = { debug() {}, info() {}, warn() {}, error: console.error }

/** The adapter on real sockets, with a platform that is not one. */
export async function startAdapter(folder: string, platform = new FakePlatform(), given: Record<string, unknown> = {}) {
  const releases: (() => void | Promise<void>)[] = []
  const servers: Server[] = []
  const timers: NodeJS.Timeout[] = []
  const listen = async (server: Server): Promise<number> => {
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const ready: Promise<number>[] = []
  const toConnection = (socket: Socket): Connection => ({
    socket,
    address: '127.0.0.1',
    encrypted: false,
    listener: 'test',
  })
  let upgrade: ((request: UpgradeRequest, connection: Connection, head: Uint8Array) => void) | undefined
  const ctx: Partial<Context<unknown>> = {
    config: {
      port: 1,
      tlsPort: 0,
      openTopics: [],
      maxPacketBytes: 262_144,
      maxLoginBytes: 4_096,
      maxTopicBytes: 512,
      maxTopicLevels: 32,
      connectTimeoutMs: 5_000,
      maxRetainedPerDevice: 1_000,
      maxSubscriptionsPerSession: 200,
      maxKeptSessionsPerDevice: 10,
      maxSessionExpirySeconds: 2_592_000,
      maxKeepAliveSeconds: 0,
      receiveMaximum: 1_000,
      topicAliases: 32,
      willGraceMs: 0,
      unavailableGraceMs: 50,
      durability: 'relaxed',
      ...given,
    },
    log,
    sessions: platform,
    shared: backing.open?.(folder),
    dataFolder: async () => folder,
    own: (_label, release) => void releases.push(release),
    every: (ms, work) => void timers.push(setInterval(() => void work(), ms).unref()),
    health: () => undefined,
    adapter: () => undefined,
    match: () => undefined,
    listen: ({ port }, onConnection) => {
      if (port !== 0) ready.push(listen(createServer((socket) => onConnection(toConnection(socket)))))
      return async () => undefined
    },
    upgrade: (_path, onUpgrade) => {
      upgrade = onUpgrade
    },
  }
  await plugin.setup(ctx as never)
  const [port = 0] = await Promise.all(ready)
  const http = createHttpServer()
  http.on('upgrade', (request, socket, head) => {
    upgrade?.({ url: request.url ?? '', method: 'GET', headers: request.headers }, toConnection(socket as Socket), head)
  })
  const webPort = await listen(http)
  const clients: MqttClient[] = []
  return {
    platform,
    port,
    webPort,
    connect: async (options: IClientOptions & { url?: string } = {}): Promise<MqttClient> => {
      const { url = `mqtt://127.0.0.1:${port}`, ...rest } = options
      const client = await mqtt.connectAsync(url, {
        username: 'a',
        password: 'secret-a',
        reconnectPeriod: 0,
        connectTimeout: 5_000,
        ...rest,
      })
      client.on('error', () => undefined)
      clients.push(client)
      return client
    },
    stop: async () => {
      for (const timer of timers) clearInterval(timer)
      for (const release of releases.toReversed()) await release()
      for (const client of clients) client.end(true)
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

export type Adapter = Awaited<ReturnType<typeof startAdapter>>

/** A client that says exactly what it is told, packet by packet. */
export class RawClient {
  readonly packets: Packet[] = []
  readonly socket: Socket
  closed = false
  readonly #version: 3 | 4 | 5

  constructor(port: number, version: 4 | 5 = 4) {
    this.#version = version
    this.socket = connectTcp(port, '127.0.0.1')
    const parse = parser({ protocolVersion: version })
    parse.on('packet', (packet) => this.packets.push(packet))
    this.socket.on('data', (bytes) => parse.parse(bytes))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.closed = true
    })
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: this.#version }))))
  }

  connect(fields: Record<string, unknown> = {}): void {
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clean: true,
      clientId: 'raw',
      keepalive: 0,
      username: 'a',
      password: Buffer.from('secret-a'),
      ...fields,
    })
  }

  of(cmd: string): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd)
  }
}
