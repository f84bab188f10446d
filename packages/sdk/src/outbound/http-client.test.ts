import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHttpClient } from './http-client.ts'

let server: Server
let url: string
const sockets: Socket[] = []

beforeEach(async () => {
  sockets.length = 0
  server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    if (request.url === '/under/long') return response.end('x'.repeat(500_000))
    if (request.url === '/under/moved') return response.writeHead(302, { location: url }).end()
    return response.end(`${request.method} ${request.url} ${request.headers['x-mine'] ?? ''} ${body}`)
  })
  server.on('connection', (socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/under/`
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const { signal } = new AbortController()

test('calls what lies under the address, over one connection', async () => {
  const client = createHttpClient({ url, privateTargets: 'all' })
  const sent = { path: '/write?db=a%20b', headers: { 'x-mine': 'yes' }, body: Buffer.from('line'), signal }
  for (let i = 0; i < 3; i++)
    expect(await client.send(sent)).toMatchObject({ status: 200, body: 'POST /under/write?db=a%20b yes line' })
  expect(await client.send({ path: '/moved', signal })).toMatchObject({ status: 302 })
  expect(sockets).toHaveLength(1)
  client.close()
})

test('makes a new connection for each call when it shall not keep them', async () => {
  const client = createHttpClient({ url, privateTargets: 'all', keepAlive: false })
  for (let i = 0; i < 2; i++) await client.send({ method: 'GET', path: '/a', signal })
  expect(sockets).toHaveLength(2)
  client.close()
})

test('a kept connection that the server has ended is no failure', async () => {
  const client = createHttpClient({ url, privateTargets: 'all' })
  for (let i = 0; i < 20; i++) {
    const [last] = sockets.splice(0)
    last?.destroy()
    expect(await client.send({ path: '/a', body: 'again', signal })).toMatchObject({ body: 'POST /under/a  again' })
  }
  client.close()
})

test('reads no more of an answer than it is told', async () => {
  const client = createHttpClient({ url, privateTargets: 'all' })
  expect((await client.send({ path: '/long', signal })).body).toHaveLength(64 * 1024)
  expect((await client.send({ path: '/long', signal, readBytes: 10 })).body).toHaveLength(10)
  expect((await client.send({ path: '/long', signal, readBytes: 1e6 })).body).toHaveLength(500_000)
  client.close()
})

test('says why nothing was reached, and does not reach what is closed', async () => {
  const gone = createHttpClient({ url: 'http://127.0.0.1:1', privateTargets: 'all' })
  await expect(gone.send({ path: '/', signal })).rejects.toMatchObject({
    name: 'Unreachable',
    message: expect.stringContaining('ECONNREFUSED'),
  })
  await expect(gone.send({ path: '/', signal: AbortSignal.abort() })).rejects.toThrow('given up')
  expect(() => createHttpClient({ url, privateTargets: [] })).toThrow('not allowed')
  expect(() => createHttpClient({ url: 'http://169.254.169.254/', privateTargets: 'all' })).toThrow('not allowed')
  const { port } = new URL(url)
  const named = createHttpClient({ url: `http://localhost:${port}`, privateTargets: ['10.0.0.0/8'] })
  await expect(named.send({ path: '/', signal })).rejects.toMatchObject({ name: 'TargetForbidden' })
  expect(sockets).toHaveLength(0)
})
