import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { createHttpServer } from './http-server.ts'

test.for(['', 'GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'])(
  'requests that wait for their turn end with their connection, also before an upgrade: %j',
  async (last) => {
    const requests: IncomingMessage[] = []
    const closed: string[] = []
    // Nobody answers the first, so the others never have their turn.
    const http = createHttpServer((request, response) => {
      requests.push(request)
      request.once('close', () => closed.push(`${request.url} asked`))
      response.once('close', () => closed.push(`${request.url} answered`))
    })
    http.on('upgrade', (_request, socket) => socket.destroy())
    const door = createServer((socket) => http.emit('connection', socket))
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    const client = connect((door.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => undefined) // the upgrade ends it
    const paths = ['/1', '/2', '/3']
    client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join('') + last)
    await expect.poll(() => requests.length).toBe(3)
    if (last === '') client.destroy()
    await expect
      .poll(() => closed.toSorted())
      .toEqual(paths.flatMap((path) => [`${path} answered`, `${path} asked`]).toSorted())
    client.destroy()
    http.close()
    door.close()
  },
)
