import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import grpc, {
  type ClientDuplexStream,
  type ClientReadableStream,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { StartedPlugin } from '@patchbay/testkit'

export const manifest = new URL('../plugin.json', import.meta.url)

export interface Message {
  topic: string
  payload: Buffer
  id: string
}
export interface Ack {
  id: string
  code: number
  detail: string
}

const load = (name: string) =>
  loadSync(fileURLToPath(new URL(`../proto/${name}.proto`, import.meta.url)), { longs: String, defaults: true })
const { patchbay } = grpc.loadPackageDefinition(load('patchbay')) as any
export const reflection = (grpc.loadPackageDefinition(load('reflection-v1')) as any).grpc.reflection.v1

export interface Client {
  publish(topic: string, payload: string | Buffer, options?: { deadlineMs?: number; type?: string }): Promise<Ack>
  publishStream(): ClientDuplexStream<Partial<Message>, Ack>
  subscribe(...filters: string[]): ClientReadableStream<Message>
  /** The raw client, for other services. */
  channel: grpc.Client
  metadata: Metadata
  close(): Promise<void>
}

/** A client of the library on a real connection: a proxy gives it the adapter behind a port. */
export async function connectClient(
  host: StartedPlugin,
  options: {
    auth?: string
    bearer?: string
    client?: string
    certificate?: { deviceId: string; fingerprint: string }
  } = {},
): Promise<Client> {
  const sockets = new Set<Socket>()
  const proxy = createServer((outer) => {
    sockets.add(outer)
    outer.on('error', () => undefined)
    const { certificate } = options
    void host.connect(certificate ? { encrypted: true, certificate } : {}).then((inner) => {
      sockets.add(inner)
      inner.on('error', () => undefined)
      inner.on('close', () => outer.destroy())
      outer.on('close', () => inner.destroy())
      outer.pipe(inner).pipe(outer)
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as { port: number }
  const devices = new patchbay.v1.Devices(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.enable_retries': 0,
  })
  const metadata = new grpc.Metadata()
  const { auth, bearer, client } = options
  if (auth !== undefined) metadata.set('authorization', `Basic ${Buffer.from(auth).toString('base64')}`)
  if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`)
  if (client !== undefined) metadata.set('client-id', client)
  return {
    publish(topic, payload, { deadlineMs, type } = {}) {
      const mine = metadata.clone()
      if (type !== undefined) mine.set('payload-type', type)
      const message = { topic, payload: Buffer.from(payload), id: '7' }
      const call = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
      return new Promise((resolve, reject) =>
        devices.Publish(message, mine, call, (error: ServiceError | null, ack: Ack) =>
          error ? reject(error) : resolve(ack),
        ),
      )
    },
    publishStream: () => devices.PublishStream(metadata),
    subscribe: (...filters) => devices.Subscribe({ filters }, metadata),
    channel: devices,
    metadata,
    async close() {
      devices.close()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
