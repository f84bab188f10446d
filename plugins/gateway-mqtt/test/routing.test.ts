import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toConnect } from './connect-bytes.ts'
import { type Broker, createWorld, mqttRoute, readAll, startBroker, type World } from './world.ts'

let world: World
let a: Broker
let b: Broker
afterEach(() => world.close())

const open = async (lists: (a: number, b: number) => unknown, options = {}): Promise<void> => {
  a = await startBroker((socket) => socket.write('a'))
  b = await startBroker((socket) => socket.write('b'))
  world = await createWorld(lists(a.port, b.port), options)
  world.own(a.close)
  world.own(b.close)
}
/** The letter of the broker that answers these bytes, or what the gateway said before it closed. */
const ask = async (bytes: Buffer, port?: number): Promise<string> => {
  const socket = await world.connect(port)
  socket.write(bytes)
  const first = await Promise.race([once(socket, 'data'), once(socket, 'close')])
  socket.destroy()
  return Buffer.isBuffer(first[0]) ? first[0].toString('latin1') : 'closed'
}
const nodesOf = (...ports: number[]) => ports.map((port) => ({ host: '127.0.0.1', port, weight: 1 }))

describe('mqtt-proxy', () => {
  test('the bytes of the CONNECT and of everything after it arrive as they were sent', async () => {
    await open((port) => mqttRoute(nodesOf(port)))
    const socket = await world.connect()
    const bytes = Buffer.concat([
      toConnect({ level: 5, clientId: 'x', properties: Buffer.from([0x11, 0, 0, 0, 9]) }),
      Buffer.from('and more'),
    ])
    // One byte at a time through the part that is peeked at.
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await vi.waitFor(() => expect(a.received[0]).toEqual(bytes))
  })

  test('a route takes its levels only; another is closed without a word, as in APISIX', async () => {
    await open((port) => mqttRoute(nodesOf(port), {}, { protocol_level: 4 }))
    expect(await ask(toConnect({ level: 4, clientId: 'x' }))).toBe('a')
    expect(await ask(toConnect({ level: 5, clientId: 'x' }))).toBe('closed')
    expect(await ask(toConnect({ name: 'MQIsdp', level: 3, clientId: 'x' }))).toBe('closed')
    expect(world.refused).toEqual(['GATEWAY_PROTOCOL', 'GATEWAY_PROTOCOL'])
    expect(a.sockets).toHaveLength(1)
  })

  test('MQTT 3.1 has a route of its own', async () => {
    await open((port) => mqttRoute(nodesOf(port), {}, { protocol_name: 'MQIsdp', protocol_level: 3 }))
    expect(await ask(toConnect({ name: 'MQIsdp', level: 3, clientId: 'x' }))).toBe('a')
  })

  test('on_reject connack says why, in the words of the level', async () => {
    await open((port) =>
      mqttRoute(nodesOf(port), {}, { protocol_level: 4, on_reject: 'connack', server_reference: 'other.example:1883' }),
    )
    expect(Buffer.from(await ask(toConnect({ name: 'MQIsdp', level: 3, clientId: 'x' })), 'latin1')).toEqual(
      Buffer.from([0x20, 2, 0, 1]),
    )
    const five = Buffer.from(await ask(toConnect({ level: 5, clientId: 'x' })), 'latin1')
    // Use another server, a reason string, and that server.
    expect([five[0], five[2], five[3]]).toEqual([0x20, 0, 0x9c])
    expect(five.toString()).toContain('not "MQTT" of level 5')
    expect(five.toString()).toContain('other.example:1883')
  })

  test('every malformed CONNECT is refused, none reaches a broker, and the gateway lives', async () => {
    await open((port) => mqttRoute(nodesOf(port)))
    const whole = toConnect({ level: 5, clientId: 'abcdef', properties: Buffer.from([0x11, 0, 0, 0, 60]) })
    const lies = Array.from({ length: whole.length - 3 }, (_, index) => {
      const lie = Buffer.from(whole)
      lie[1] = index
      return lie
    })
    const wrong = [...lies, Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 1]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]
    const levels = Array.from({ length: 256 }, (_, level) => toConnect({ level, clientId: 'x' })).filter(
      (_, level) => level < 3 || level > 5,
    )
    for (const bytes of [...wrong, ...levels]) expect(await ask(bytes)).toBe('closed')
    // A cut is waited for; that the peer has gone is nobody's refusal.
    for (let cut = 0; cut < whole.length; cut++) {
      const socket = await world.connect()
      socket.end(whole.subarray(0, cut))
      await readAll(socket)
    }
    expect(a.sockets).toHaveLength(0)
    expect(world.refused).toHaveLength(wrong.length + levels.length)
    expect(await ask(toConnect({ clientId: 'x' }))).toBe('a')
  })

  test('without a client id the address decides', async () => {
    await open((one, two) => mqttRoute(nodesOf(one, two)))
    const answers = new Set<string>()
    for (let count = 0; count < 6; count++) answers.add(await ask(toConnect({ clientId: '' })))
    expect(answers.size).toBe(1)
  })
})

describe('routes', () => {
  test('server port, server address and remote address choose; no match is closed', async () => {
    await open((one, two) => ({
      stream_routes: [
        { id: 1, server_addr: '10.0.0.0/8', upstream: { nodes: nodesOf(one) } },
        { id: 2, remote_addr: '127.0.0.0/8', server_addr: '127.0.0.1', upstream: { nodes: nodesOf(two) } },
      ],
    }))
    expect(await ask(Buffer.from('x'))).toBe('b')
    world.configure({ stream_routes: [{ id: 1, server_port: world.port, upstream: { nodes: nodesOf(a.port) } }] })
    expect(await ask(Buffer.from('x'))).toBe('a')
    expect(await ask(Buffer.from('x'), await world.listen({}))).toBe('closed')
    expect(world.refused).toEqual(['GATEWAY_NO_ROUTE'])
  })

  test('a service gives a route its upstream and plugins', async () => {
    await open((one) => ({
      upstreams: [{ id: 'up', nodes: { [`127.0.0.1:${one}`]: 1 } }],
      services: [{ id: 's', upstream_id: 'up', plugins: { 'mqtt-proxy': { protocol_level: 4 } } }],
      stream_routes: [{ id: 'r', service_id: 's' }],
    }))
    expect(await ask(toConnect({ level: 4, clientId: 'x' }))).toBe('a')
    expect(await ask(toConnect({ level: 5, clientId: 'x' }))).toBe('closed')
  })

  test('ip-restriction, limit-conn and traffic-split do what they say', async () => {
    await open((one, two) => ({
      stream_routes: [
        {
          id: 'r',
          plugins: {
            'limit-conn': { conn: 1, burst: 0, default_conn_delay: 0.1, key: 'remote_addr' },
            'traffic-split': {
              rules: [{ weighted_upstreams: [{ upstream: { nodes: nodesOf(two) }, weight: 1 }, { weight: 1 }] }],
            },
          },
          upstream: { nodes: nodesOf(one) },
        },
      ],
    }))
    const first = await world.connect()
    first.write('x')
    const [letter] = await once(first, 'data')
    expect(await ask(Buffer.from('x'))).toBe('closed')
    expect(world.refused).toEqual(['GATEWAY_CONNECTIONS_FULL'])
    first.destroy()
    await vi.waitFor(() => expect(world.gateway.sessions.size).toBe(0))
    expect([String(letter), await ask(Buffer.from('x'))].toSorted()).toEqual(['a', 'b'])
    world.configure({
      stream_routes: [
        {
          id: 'r',
          plugins: { 'ip-restriction': { blacklist: ['127.0.0.0/8'] } },
          upstream: { nodes: nodesOf(a.port) },
        },
      ],
    })
    expect(await ask(Buffer.from('x'))).toBe('closed')
    expect(world.refused.at(-1)).toBe('GATEWAY_ADDRESS')
  })

  test('plain text from where it is not permitted is refused', async () => {
    await open((port) => mqttRoute(nodesOf(port), {}, { on_reject: 'connack' }), { permitsPlain: () => false })
    expect(await ask(toConnect({ clientId: 'x' }))).toBe('closed')
    expect(world.refused).toEqual(['GATEWAY_PLAIN'])
  })
})

describe('nodes', () => {
  test('a refused connection is tried at the next node, and at most as often as the upstream says', async () => {
    await open((one, two) => mqttRoute(nodesOf(one, two)))
    a.close()
    for (let id = 0; id < 10; id++) expect(await ask(toConnect({ clientId: `c${id}` }))).toBe('b')
    world.configure(mqttRoute(nodesOf(a.port, b.port), { retries: 0 }, { on_reject: 'connack' }))
    const answers = []
    for (let id = 0; id < 20; id++) answers.push(await ask(toConnect({ clientId: `c${id}` })))
    expect(new Set(answers)).toEqual(new Set(['b', Buffer.from([0x20, 2, 0, 3]).toString('latin1')]))
  })

  test('a new configuration is for new connections; open ones stay', async () => {
    await open((one) => mqttRoute(nodesOf(one)))
    const socket = await world.connect()
    socket.write(toConnect({ clientId: 'x' }))
    expect(String(await once(socket, 'data'))).toBe('a')
    world.configure(mqttRoute(nodesOf(b.port)))
    expect(await ask(toConnect({ clientId: 'x' }))).toBe('b')
    socket.write('still here')
    expect(String(await once(socket, 'data'))).toBe('a')
  })

  test('a node that does not answer in time is given up, and the next one only within retry_timeout', async () => {
    // Both take the connection, and say nothing to the handshake.
    const silent = (more: object) => (one: number, two: number) =>
      mqttRoute(
        nodesOf(one, two),
        { scheme: 'tls', timeout: { connect: 0.1, send: 1, read: 60 }, ...more },
        { on_reject: 'connack' },
      )
    await open(silent({}))
    expect(Buffer.from(await ask(toConnect({ clientId: 'x' })), 'latin1').toString('hex')).toBe('20020003')
    expect([a.sockets.length, b.sockets.length]).toEqual([1, 1])
    world.configure(silent({ retry_timeout: 0.05 })(a.port, b.port))
    expect(Buffer.from(await ask(toConnect({ clientId: 'x' })), 'latin1').toString('hex')).toBe('20020003')
    expect(a.sockets.length + b.sockets.length).toBe(3)
    expect(world.refused).toEqual(['GATEWAY_UPSTREAM_AWAY', 'GATEWAY_UPSTREAM_AWAY'])
  })

  test('without traffic for timeout.read a session is ended; with it, it is not', async () => {
    await open((one) => mqttRoute(nodesOf(one), { timeout: { connect: 1, send: 60, read: 2 } }))
    const [talks, silent] = [await world.connect(), await world.connect()]
    for (const [index, socket] of [talks, silent].entries()) {
      socket.write(toConnect({ clientId: `c${index}` }))
      await once(socket, 'data')
    }
    const closed = once(silent, 'close')
    for (let tick = 0; tick < 4; tick++) {
      talks.write('x')
      await once(talks, 'data')
      world.gateway.tick()
    }
    await closed
    expect(talks.destroyed).toBe(false)
  })

  test('an upstream whose nodes stay keeps its ring and its turns through a new configuration', async () => {
    await open((one, two) => mqttRoute(nodesOf(one, two)))
    const upstream = () => world.gateway.configuration.upstreams.get('stream_routes/r')
    const before = upstream()?.balancer
    world.configure(mqttRoute(nodesOf(a.port, b.port), { desc: 'again', retries: 1 }))
    expect(upstream()?.balancer).toBe(before)
    expect(upstream()?.retries).toBe(1)
    world.configure(mqttRoute([...nodesOf(a.port), { host: '127.0.0.1', port: b.port, weight: 2 }]))
    expect(upstream()?.balancer).not.toBe(before)
  })

  test('a local node hands the connection on with nothing consumed', async () => {
    await open(() => mqttRoute([{ local: true, weight: 1 }]))
    const socket = await world.connect()
    socket.write(toConnect({ clientId: 'mine' }))
    await vi.waitFor(() => expect(world.handedOver).toHaveLength(1))
    const [connection] = world.handedOver
    expect(connection).toMatchObject({ address: '127.0.0.1', encrypted: false })
    expect(connection?.socket.read()).toEqual(toConnect({ clientId: 'mine' }))
    socket.destroy()
  })
})
