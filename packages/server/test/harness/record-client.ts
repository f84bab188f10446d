import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What a client writes in a conversation, taken down by a proxy between it and the server. */
export async function recordClient(port: number, converse: (port: number) => Promise<void>): Promise<Buffer> {
  const chunks: Buffer[] = []
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const inner = connect(port, '127.0.0.1')
    sockets.push(client, inner)
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      inner.write(chunk)
    })
    inner.pipe(client)
    client.on('error', () => inner.destroy())
    inner.on('error', () => client.destroy())
    client.on('close', () => inner.destroy())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  await converse(typeof address === 'object' && address !== null ? address.port : 0)
  proxy.close()
  for (const socket of sockets) socket.destroy()
  return Buffer.concat(chunks)
}
