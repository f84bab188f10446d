import { createHash, randomBytes } from 'node:crypto'
import { connect as connectTls } from 'node:tls'
import { makeTestCertificate } from '@patchbay/testkit'
import { afterEach, expect, test, vi } from 'vitest'
import { toConnect } from './connect-bytes.ts'
import { type Broker, createWorld, mqttRoute, readAll, startBroker, type World } from './world.ts'

let world: World
afterEach(() => world.close())
const nodesOf = (broker: Broker) => [{ host: '127.0.0.1', port: broker.port, weight: 1 }]
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('8 MiB each way arrive byte by byte, and the end after them', async () => {
  const up = Buffer.concat([toConnect({ clientId: 'big' }), randomBytes(8 << 20)])
  const down = randomBytes(8 << 20)
  let sent = false
  const broker = await startBroker((socket) => {
    if (!sent) socket.end(down)
    sent = true
  })
  world = await createWorld(mqttRoute(nodesOf(broker)))
  world.own(broker.close)
  const socket = await world.connect()
  socket.allowHalfOpen = true
  const got = readAll(socket)
  socket.end(up)
  await vi.waitFor(() => expect(broker.received[0]?.length).toBe(up.length), 10_000)
  expect(hash(broker.received[0] ?? Buffer.alloc(0))).toBe(hash(up))
  expect(hash(await got)).toBe(hash(down))
  await vi.waitFor(() => expect(world.gateway.sessions.size).toBe(0))
  const node = world.gateway.configuration.upstreams.get('stream_routes/r')?.nodes[0]
  expect(node).toMatchObject({ active: 0, sessions: 1, bytesUp: up.length, bytesDown: down.length })
})

test.each(['client', 'broker'] as const)(
  'a %s that does not read stops the other side, and takes no memory',
  async (slow) => {
    const broker = await startBroker()
    world = await createWorld(mqttRoute(nodesOf(broker), { timeout: { connect: 1, send: 2, read: 60 } }))
    world.own(broker.close)
    const client = await world.connect()
    client.write(toConnect({ clientId: 'slow' }))
    await vi.waitFor(() => expect(broker.sockets).toHaveLength(1))
    const [server] = broker.sockets
    if (!server) throw new TypeError('no connection')
    const [reader, writer] = slow === 'client' ? [client, server] : [server, client]
    reader.pause()
    const chunk = Buffer.alloc(1 << 20)
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external
    // Until the kernel's buffers are full too: then the sender is stopped.
    let written = 0
    while (writer.writableLength < 8 << 20 && written < 200) {
      writer.write(chunk)
      written += 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    const [session] = world.gateway.sessions.values()
    await vi.waitFor(() => expect(session?.stalledSince).toBeGreaterThan(0))
    const carried = () => (session?.bytesUp ?? 0) + (session?.bytesDown ?? 0)
    const [at, waiting] = [carried(), writer.writableLength]
    await new Promise((resolve) => setImmediate(resolve))
    expect(carried()).toBe(at)
    // What the test itself holds back is not the gateway's.
    const held = process.memoryUsage().arrayBuffers + process.memoryUsage().external - before - waiting
    expect(held).toBeLessThan(4 << 20)
    // After its time it is cut, on both sides.
    const ends = [client, server].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    for (let tick = 0; tick < 4; tick++) world.gateway.tick()
    reader.resume()
    await Promise.all(ends)
  },
)

test('a client that vanishes takes its session with it', async () => {
  const broker = await startBroker()
  world = await createWorld(mqttRoute(nodesOf(broker)))
  world.own(broker.close)
  const client = await world.connect()
  client.write(toConnect({ clientId: 'gone' }))
  await vi.waitFor(() => expect(broker.sockets).toHaveLength(1))
  const [server] = broker.sockets
  client.resetAndDestroy()
  await vi.waitFor(() => expect(server?.destroyed).toBe(true))
  expect(world.gateway.sessions.size).toBe(0)
})

test('of many connections that carry much and little at once, each gets its own bytes back', async () => {
  const pair = await makeTestCertificate(['gateway.example'])
  // Reads in fits and starts, so that writes to it and from it have to wait.
  const broker = await startBroker((socket, bytes) => {
    socket.write(bytes)
    socket.pause()
    setImmediate(() => socket.resume())
  })
  const lists = { ssls: [{ id: 1, sni: 'gateway.example', ...pair }], ...mqttRoute(nodesOf(broker)) }
  world = await createWorld(lists)
  world.own(broker.close)
  const secured = await world.listen({ tls: true })
  const one = async (index: number): Promise<void> => {
    const socket =
      index % 3 === 0
        ? connectTls({ port: secured, host: '127.0.0.1', servername: 'gateway.example', ca: pair.cert })
        : await world.connect()
    socket.on('error', () => undefined)
    world.own(() => socket.destroy())
    const parts = [toConnect({ clientId: `c${index}` })]
    for (let size = 1 + index; parts.length < 40; size = (size * 31 + 7) % (parts.length % 4 === 0 ? 250_000 : 900))
      parts.push(Buffer.alloc(size, `${index}.${parts.length} `))
    const sent = Buffer.concat(parts)
    const got: Buffer[] = []
    let length = 0
    const whole = new Promise<void>((resolve) =>
      socket.on('data', (bytes: Buffer) => {
        got.push(bytes)
        length += bytes.length
        if (length >= sent.length) resolve()
      }),
    )
    for (const part of parts) {
      socket.write(part)
      if (part.length % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await whole
    expect(hash(Buffer.concat(got))).toBe(hash(sent))
  }
  await Promise.all(Array.from({ length: 30 }, (_, index) => one(index)))
})
