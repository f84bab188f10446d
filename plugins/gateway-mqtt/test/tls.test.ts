import { once } from 'node:events'
import {
  connect as connectTls,
  createServer as createTlsServer,
  type ConnectionOptions,
  type TLSSocket,
} from 'node:tls'
import { makeTestCertificate } from '@patchbay/testkit'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { readClientHello } from '../src/client-hello.ts'
import { toConnect } from './connect-bytes.ts'
import { createWorld, listenOn, startBroker, type Broker, type World } from './world.ts'

type Pair = Awaited<ReturnType<typeof makeTestCertificate>>
let [one, two, clients, node]: Pair[] = []
beforeAll(async () => {
  ;[one, two, clients, node] = await Promise.all(
    [['one.example', 'one.other'], ['two.example'], ['client'], ['node.example', '127.0.0.1']].map((names) =>
      makeTestCertificate(names),
    ),
  )
})
let world: World
let broker: Broker
afterEach(() => world.close())
const open = async (lists: (port: number) => object): Promise<void> => {
  broker = await startBroker((socket, bytes) => socket.write(bytes))
  world = await createWorld(lists(broker.port))
  world.own(broker.close)
}
const nodesOf = (port: number) => [{ host: '127.0.0.1', port, weight: 1 }]
const mqttTo = (port: number, more = {}) => ({
  id: 'r',
  plugins: { 'mqtt-proxy': { protocol_level: 4 } },
  upstream: { nodes: nodesOf(port), ...more },
})
/** A TLS client's secure socket, or the error that it got instead. */
const secure = async (port: number, options: ConnectionOptions): Promise<TLSSocket> => {
  const socket = connectTls({ port, host: '127.0.0.1', ...options })
  world.own(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}
const echo = async (socket: TLSSocket, bytes = toConnect({ clientId: 'x' })): Promise<Buffer> => {
  socket.on('error', () => undefined)
  socket.write(bytes)
  return new Promise((resolve) => {
    socket.once('data', resolve)
    socket.once('close', () => resolve(Buffer.alloc(0)))
  })
}

describe('the listener ends TLS', () => {
  test('with the certificate of the name, and routes by it; other names and none are refused', async () => {
    await open((port) => ({
      ssls: [
        { id: 1, snis: ['one.example', '*.deep.example'], cert: one?.cert, key: one?.key },
        { id: 2, sni: 'two.example', cert: two?.cert, key: two?.key },
      ],
      stream_routes: [
        { ...mqttTo(port), id: 'r1', sni: 'one.example' },
        { ...mqttTo(1), id: 'rest' },
      ],
    }))
    const port = await world.listen({ tls: true })
    const socket = await secure(port, { servername: 'one.example', ca: one?.cert })
    expect(await echo(socket)).toEqual(toConnect({ clientId: 'x' }))
    expect([...world.gateway.sessions.values()][0]).toMatchObject({ clientId: 'x', route: { id: 'r1' } })
    await secure(port, { servername: 'two.example', ca: two?.cert })
    // A wildcard of a certificate covers one label; here the certificate itself names others, so it is not checked.
    await secure(port, { servername: 'a.deep.example', rejectUnauthorized: false })
    await expect(secure(port, { servername: 'a.b.deep.example', rejectUnauthorized: false })).rejects.toThrow(
      /ECONNRESET|disconnected/,
    )
    await expect(secure(port, { rejectUnauthorized: false })).rejects.toThrow(/ECONNRESET|disconnected/)
    const plain = await world.connect(port)
    plain.write(toConnect({ clientId: 'plain' }))
    await once(plain, 'close')
    expect(world.refused).toEqual(['GATEWAY_NO_CERTIFICATE', 'GATEWAY_NO_CERTIFICATE', 'GATEWAY_TLS'])
  })

  test('with the certificate of the kind that the client can check, where there are several (certs, keys)', async () => {
    const rsa = await makeTestCertificate(['one.example'], 'rsa')
    await open((port) => ({
      ssls: [{ id: 1, sni: 'one.example', cert: one?.cert, key: one?.key, certs: [rsa.cert], keys: [rsa.key] }],
      stream_routes: [mqttTo(port)],
    }))
    const port = await world.listen({ tls: true })
    for (const [sigalgs, ca, kind] of [
      ['ecdsa_secp256r1_sha256', one?.cert, 'ec'],
      ['rsa_pss_rsae_sha256', rsa.cert, 'rsa'],
    ] as const) {
      const socket = await secure(port, { servername: 'one.example', ca, sigalgs })
      expect(socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType).toBe(kind)
      expect(await echo(socket)).toEqual(toConnect({ clientId: 'x' }))
    }
  })

  test('client certificates are demanded where the ssl object names their authority', async () => {
    await open((port) => ({
      ssls: [{ id: 1, snis: ['one.example'], cert: one?.cert, key: one?.key, client: { ca: clients?.cert } }],
      stream_routes: [mqttTo(port)],
    }))
    const port = await world.listen({ tls: true })
    const to = { servername: 'one.example', ca: one?.cert }
    expect((await echo(await secure(port, { ...to, ...clients }))).length).toBeGreaterThan(0)
    // In TLS 1.3 the client hears of it with its first read.
    expect(await echo(await secure(port, { ...to }))).toEqual(Buffer.alloc(0))
    expect(await echo(await secure(port, { ...to, ...two }))).toEqual(Buffer.alloc(0))
    await vi.waitFor(() => expect(world.refused).toEqual(['GATEWAY_TLS', 'GATEWAY_TLS']))
    expect(broker.sockets).toHaveLength(1)
  })

  test('a new certificate is for new connections; open ones stay', async () => {
    const lists = (pair: Pair | undefined, port: number) => ({
      ssls: [{ id: 1, snis: ['one.example'], cert: pair?.cert, key: pair?.key }],
      stream_routes: [mqttTo(port)],
    })
    await open((port) => lists(one, port))
    const port = await world.listen({ tls: true })
    const before = await secure(port, { servername: 'one.example', ca: one?.cert })
    expect((await echo(before)).length).toBeGreaterThan(0)
    const fresh = await makeTestCertificate(['one.example'])
    for (let count = 0; count < 100; count++) world.configure(lists(fresh, broker.port))
    await secure(port, { servername: 'one.example', ca: fresh.cert })
    expect(String(await echo(before, Buffer.from('still here')))).toBe('still here')
  })

  test('a certificate that cannot be used is named and does not stop the others', async () => {
    await open((port) => ({ stream_routes: [mqttTo(port)] }))
    const problems = world.configure({ ssls: [{ id: 9, snis: ['x.example'], cert: 'no', key: 'no' }] })
    expect(problems).toEqual([expect.stringContaining('ssls/9')])
  })
})

test('a plain listener passes TLS through by its server name, unopened', async () => {
  const server = createTlsServer({ ...node }, (socket) => socket.pipe(socket))
  const port = await listenOn(server)
  await open(() => ({
    stream_routes: [
      { id: 'tls', sni: '*.example', upstream: { nodes: nodesOf(port) } },
      { id: 'other', upstream: { nodes: nodesOf(1) } },
    ],
  }))
  world.own(() => server.close())
  const socket = await secure(world.port, { servername: 'node.example', ca: node?.cert })
  expect(String(await echo(socket, Buffer.from('hello')))).toBe('hello')
  expect(socket.getPeerCertificate().subjectaltname).toContain('node.example')
})

describe('towards the node', () => {
  const start = async (demanding: boolean) => {
    const names: unknown[] = []
    const server = createTlsServer({
      ...node,
      ...(demanding ? { ca: clients?.cert, requestCert: true } : {}),
      SNICallback: (name, done) => {
        names.push(name)
        done(null)
      },
    })
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    return { server, names, port: await listenOn(server) }
  }

  test('TLS is spoken, verified where that is asked for, with a certificate of its own', async () => {
    const { server, port, names } = await start(true)
    const tls = {
      verify: true,
      ca: node?.cert,
      server_name: 'node.example',
      client_cert: clients?.cert,
      client_key: clients?.key,
    }
    await open(() => ({ stream_routes: [mqttTo(port, { scheme: 'tls', tls })] }))
    world.own(() => server.close())
    const ask = async (): Promise<boolean> => {
      const socket = await world.connect()
      socket.write(toConnect({ clientId: 'x' }))
      const [bytes] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
      socket.destroy()
      return Buffer.isBuffer(bytes)
    }
    expect(await ask()).toBe(true)
    expect(names).toEqual(['node.example'])
    const other = { ...tls, server_name: 'wrong.example' }
    world.configure({ stream_routes: [mqttTo(port, { scheme: 'tls', tls: other })] })
    expect(await ask()).toBe(false)
    expect(world.refused).toEqual(['GATEWAY_UPSTREAM_AWAY'])
    // As in APISIX nothing is verified unless it is asked for; here that is said.
    const { client_cert, client_key } = tls
    const problems = world.configure({
      stream_routes: [mqttTo(port, { scheme: 'tls', tls: { client_cert, client_key } })],
    })
    expect(problems).toEqual([expect.stringContaining('tls.verify is not true')])
    expect(await ask()).toBe(true)
    // An ssl object of type client gives the certificate as well.
    world.configure({
      ssls: [{ id: 'c', type: 'client', cert: client_cert, key: client_key }],
      stream_routes: [mqttTo(port, { scheme: 'tls', tls: { client_cert_id: 'c' } })],
    })
    expect(await ask()).toBe(true)
  })
})

test('a ClientHello is read from any cut of it, and nothing else is one', async () => {
  await open((port) => ({ stream_routes: [{ id: 1, upstream: { nodes: nodesOf(port) } }] }))
  const socket = connectTls({ port: world.port, host: '127.0.0.1', servername: 'some.example' })
  socket.on('error', () => undefined)
  world.own(() => socket.destroy())
  await vi.waitFor(() => expect(broker.received[0]?.length).toBeGreaterThan(100))
  // What the broker echoes makes the client add an alert.
  const sent = broker.received[0] ?? Buffer.alloc(0)
  const hello = sent.subarray(0, 5 + sent.readUInt16BE(3))
  expect(readClientHello(hello)).toEqual({ serverName: 'some.example' })
  for (let cut = 0; cut < hello.length; cut++) expect(readClientHello(hello.subarray(0, cut))).toBe('more')
  for (let at = 0; at < hello.length; at++) {
    const wrong = Buffer.from(hello)
    wrong[at] = 255
    expect(() => readClientHello(wrong)).not.toThrow()
  }
  expect(readClientHello(toConnect({ clientId: 'x' }))).toBe('no')
})
