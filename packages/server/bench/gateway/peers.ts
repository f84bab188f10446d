import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

const connack = Buffer.from([0x20, 2, 0, 0])

/** A CONNECT of MQTT 3.1.1. */
export function toConnect(clientId: string): Buffer {
  const id = Buffer.from(clientId)
  return Buffer.concat([
    Buffer.from([0x10, 12 + id.length, 0, 4]),
    Buffer.from('MQTT'),
    Buffer.from([4, 2, 0, 60, 0, id.length]),
    id,
  ])
}

/** A broker that answers the CONNECT and throws the rest away, so that the proxy is what is measured. */
export async function startSink() {
  let bytes = 0
  const take = (chunk: Buffer): void => void (bytes += chunk.length)
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      socket.write(connack)
      socket.on('data', take)
    })
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    bytes: () => bytes,
    close: () => void server.close(),
  }
}

/** Connects and waits for the CONNACK. */
export async function openClient(port: number, clientId: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => socket.destroy())
  socket.write(toConnect(clientId))
  const [answer] = await once(socket, 'data')
  if (!connack.equals(answer)) throw new Error(`the answer to the CONNECT is ${String(answer)}`)
  return socket
}
