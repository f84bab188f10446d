import { createFakeSessions, startPlugin, type StartedPlugin } from '@patchbay/testkit'
import { Refused } from '@patchbay/sdk'
import { afterEach, describe, expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { connectClient, manifest } from './connect-client.ts'

const auth = 'meter-1:s1'
let host: StartedPlugin
const start = async (config: object = {}, autoSettle = true) => {
  const sessions = createFakeSessions({
    devices: { 'meter-1': 's1', 'meter-2': 's2' },
    autoSettle,
    decide: (action, topic, device) =>
      topic.includes(device) ? undefined : new Refused('forbidden', 'TOPIC_FORBIDDEN', 'default', `${action} ${topic}`),
  })
  host = await startPlugin(plugin, { manifest, config, sessions })
}
afterEach(async () => {
  await host.stop()
})
const texts = () => host.sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())

describe('logging in', () => {
  test('by Basic and Bearer at the upgrade, and by the first frame', async () => {
    await start()
    for (const headers of [undefined, { authorization: 'Bearer s1' }]) {
      const client = await connectClient(host, headers ? { headers } : { auth })
      expect(await client.ask({ publish: 'devices/meter-1/telemetry', payload: { t: 1 } })).toEqual({ ack: 'q0' })
      await client.close()
    }
    const client = await connectClient(host, {})
    client.send({ id: 'in', auth: { id: 'meter-1', secret: 's1', client: 'a' } })
    // What is sent together with the login is taken after it.
    client.send({ id: 1, publish: 'sensors/meter-1/level', payload: 7 })
    expect(await client.next((frame) => frame['ack'] === 1)).toBeDefined()
    expect(client.heard[0]).toEqual({ ack: 'in' })
    expect(host.sessions.opened.at(-1)?.peer).toMatchObject({ protocol: 'websocket', clientId: 'a' })
    await client.close()
    await vi.waitFor(() => expect(host.sessions.opened.every(({ closed }) => closed)).toBe(true))
  })

  test('a certificate is a login, and a page of another site may not lean on it', async () => {
    await start({ origins: ['https://app.example.com'] })
    const options = { certificate: { deviceId: 'meter-1', fingerprint: 'f' } }
    vi.spyOn(host.listeners, 'connectionOf').mockImplementation((socket) => ({
      socket,
      address: '127.0.0.1',
      encrypted: true,
      listener: 'main',
      ...options,
    }))
    const by = async (origin: string | undefined) => {
      const client = await connectClient(host, origin === undefined ? {} : { headers: { origin } })
      client.send({ id: 1, publish: 'sensors/meter-1/level', payload: 7 })
      const answer = await client.next((frame) => 'ack' in frame || 'error' in frame).catch(() => undefined)
      client.socket.terminate()
      return answer
    }
    expect(await by(undefined)).toEqual({ ack: 1 })
    expect(await by('https://app.example.com')).toEqual({ ack: 1 })
    expect(await by('https://evil.example.com')).toBeUndefined()
    await expect(connectClient(host, { auth, headers: { origin: 'https://evil.example.com' } })).rejects.toThrow('403')
    expect(host.sessions.refusals.map(({ refused }) => refused.code)).toEqual(['WS_AUTH_FIRST', 'WS_ORIGIN'])
  })

  test('a first frame that is none, silence, and too many bytes end the connection', async () => {
    await start({ loginTimeoutMs: 100 })
    const first = await connectClient(host, {})
    first.send({ id: 1, publish: 'sensors/meter-1/level', payload: 7 })
    expect((await first.closed).code).toBe(1008)
    const silent = await connectClient(host, {})
    expect(await silent.closed).toMatchObject({ code: 1008, reason: 'No login came in time.' })
    const greedy = await connectClient(host, {})
    greedy.socket.send('x'.repeat(5_000), { fin: false })
    expect((await greedy.closed).code).toBe(1009)
    expect(host.sessions.refusals.map(({ refused }) => refused.code)).toEqual([
      'WS_AUTH_FIRST',
      'WS_AUTH_TIMEOUT',
      'WS_FRAME_TOO_LARGE',
    ])
  })
})

describe('publishing', () => {
  test('the payload arrives as it was written', async () => {
    await start()
    const client = await connectClient(host, { auth })
    client.send('{"id":1,"publish":"devices/meter-1/telemetry","payload":{"n":9007199254740993,"e":1e400}}')
    await client.next((frame) => frame['ack'] === 1)
    await client.ask({ publish: 'devices/meter-1/x', text: 'plain' })
    await client.ask({ publish: 'devices/meter-1/x', base64: 'oWF0AQ==', type: 'application/cbor', retain: true })
    expect(texts().slice(0, 2)).toEqual(['{"n":9007199254740993,"e":1e400}', 'plain'])
    expect(host.sessions.published[2]).toMatchObject({
      bytes: Uint8Array.from([0xa1, 0x61, 0x74, 1]),
      how: { qos: 1, retain: true, contentType: 'application/cbor' },
    })
    await client.close()
  })

  test('is acknowledged when durable, refused with a code, and unanswered without an id', async () => {
    await start({}, false)
    const client = await connectClient(host, { auth })
    client.send({ publish: 'sensors/meter-1/a', payload: 1 })
    const first = client.ask({ publish: 'sensors/meter-1/a', payload: 2 })
    const second = client.ask({ publish: 'sensors/meter-1/a', payload: 3 })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(3))
    expect(client.heard).toEqual([])
    const [zero, one, two] = host.sessions.published
    expect([zero?.how.qos, one?.how.qos]).toEqual([0, 1])
    zero?.settle(new Refused('invalid', 'PAYLOAD_INVALID', 'decode', 'no'))
    two?.settle(new Refused('invalid', 'PAYLOAD_INVALID', 'decode', 'outside'))
    expect(await second).toEqual({ error: 'q1', code: 'PAYLOAD_INVALID', detail: 'outside' })
    one?.settle()
    expect(await first).toEqual({ ack: 'q0' })
    expect(await client.ask({ publish: 'sensors/meter-2/a', payload: 2 })).toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    expect(client.heard).toHaveLength(3)
    await client.close()
  })

  test('reading waits while as many messages are in flight as permitted', async () => {
    await start({ maxInFlight: 5 }, false)
    const client = await connectClient(host, { auth })
    const payload = 'x'.repeat(60_000)
    for (let n = 0; n < 200; n++) client.send({ id: n, publish: 'devices/meter-1/x', payload })
    await vi.waitFor(() => expect(host.sessions.published.length).toBeGreaterThanOrEqual(5))
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    // What had been read with the last one is taken too: no more than a chunk of the socket.
    expect(host.sessions.published.length).toBeLessThan(10)
    host.sessions.autoSettle = true
    for (const message of host.sessions.published) message.settle()
    await client.next((frame) => frame['ack'] === 199)
    await client.close()
  })

  test('what is in flight is answered before the adapter says goodbye', async () => {
    await start({}, false)
    const client = await connectClient(host, { auth })
    const sent = client.ask({ publish: 'sensors/meter-1/a', payload: 1 })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(1))
    const stopped = host.stop()
    host.sessions.published[0]?.settle()
    expect(await sent).toEqual({ ack: 'q0' })
    expect(await client.closed).toMatchObject({ code: 1001 })
    await stopped
  })
})

describe('deliveries', () => {
  test('are JSON as it was written, text or base64', async () => {
    await start()
    const client = await connectClient(host, { auth })
    expect(await client.ask({ subscribe: 'devices/meter-1/#' })).toEqual({ ack: 'q0' })
    const [session] = host.sessions.opened
    await session?.send({ topic: 'devices/meter-1/a', bytes: '{"x": 1.50}', qos: 1 })
    await session?.send({ topic: 'devices/meter-1/b', bytes: 'no "json"', retain: true })
    await session?.send({ topic: 'devices/meter-1/c', bytes: Uint8Array.from([0xff]) })
    await client.next((frame) => frame['message'] === 'devices/meter-1/c')
    expect(client.heard.slice(1)).toEqual([
      { message: 'devices/meter-1/a', payload: { x: 1.5 } },
      { message: 'devices/meter-1/b', text: 'no "json"', retain: true },
      { message: 'devices/meter-1/c', base64: '/w==' },
    ])
    expect(await client.ask({ unsubscribe: 'devices/meter-1/#' })).toEqual({ ack: 'q1' })
    expect(session?.subscriptions).toEqual([])
    expect(await client.ask({ subscribe: 'devices/meter-2/#' })).toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    await client.close()
  })

  test('a command is delivered when the client has acknowledged it, and not when it goes away', async () => {
    await start()
    const client = await connectClient(host, { auth })
    await client.ask({ subscribe: 'devices/meter-1/commands/+' })
    const [session] = host.sessions.opened
    const delivered = vi.fn<() => void>()
    const first = session?.send({ topic: 'devices/meter-1/commands/c1', bytes: '{"name":"open"}', qos: 1 })
    void first?.then(delivered)
    const frame = await client.next((each) => 'message' in each)
    expect(frame).toEqual({ message: 'devices/meter-1/commands/c1', payload: { name: 'open' }, mid: 1 })
    expect(delivered).not.toHaveBeenCalled()
    client.send({ ack: frame['mid'] })
    await first
    const second = session?.send({ topic: 'devices/meter-1/commands/c2', bytes: '{"name":"shut"}', qos: 1 })
    const outcome = second?.catch((error: unknown) => error)
    await client.next((each) => each['mid'] === 2)
    await client.close()
    expect(await outcome).toMatchObject({ code: 'WS_CONNECTION_GONE' })
  })

  test('a client that does not read loses QoS 0 and is closed for others', async () => {
    await start({ maxWaitingKib: 64 })
    const client = await connectClient(host, { auth })
    await client.ask({ subscribe: 'devices/meter-1/#' })
    client.socket.pause()
    const [session] = host.sessions.opened
    const bytes = JSON.stringify('x'.repeat(60_000))
    let settled = 0
    const count = () => void settled++
    for (let n = 0; n < 400; n++) void session?.send({ topic: 'devices/meter-1/a', bytes }).then(count)
    await vi.waitFor(() => expect(settled).toBeGreaterThan(200))
    expect(session?.closed).toBe(false)
    void session?.send({ topic: 'devices/meter-1/a', bytes, qos: 1 })
    expect(host.sessions.refusals.map(({ refused }) => refused.code)).toEqual(['WS_READS_TOO_SLOWLY'])
    client.socket.resume()
    expect((await client.closed).code).toBe(1013)
  })

  test.each([
    ['revoked', 1008],
    ['disconnected', 1013],
    ['shutdown', 1001],
  ] as const)('a session that ends (%s) closes its connection with %i', async (why, code) => {
    await start()
    const client = await connectClient(host, { auth })
    host.sessions.opened[0]?.end(why)
    expect((await client.closed).code).toBe(code)
  })

  test('a client that answers no ping is gone', async () => {
    await start({ pingEveryMs: 50 })
    const client = await connectClient(host, { auth })
    await vi.waitFor(() => expect(host.sessions.opened[0]?.aliveCalls).toBeGreaterThan(2))
    client.socket.pause()
    await vi.waitFor(() => expect(host.sessions.opened[0]?.closed).toBe(true))
    client.socket.terminate()
  })
})

describe('frames that are not as described', () => {
  test.each([
    ['no JSON', '{"id":1,'],
    ['an array', '[1]'],
    ['nothing known', '{"id":1}'],
    ['an id that is an object', '{"id":{},"publish":"a","payload":1}'],
    ['a topic that is a number', '{"id":1,"publish":5,"payload":1}'],
    ['no payload', '{"id":1,"publish":"a"}'],
    ['base64 that is none', '{"id":1,"publish":"a","base64":"?"}'],
    ['a prototype', '{"__proto__":{"publish":"a","payload":1}}'],
    ['a second login', '{"id":1,"auth":{"id":"meter-1","secret":"s1"}}'],
  ])('%s is answered, recorded, and closes after ten', async (_what, text) => {
    await start()
    const client = await connectClient(host, { auth })
    for (let n = 0; n < 12; n++) client.send(text)
    expect((await client.closed).code).toBe(1008)
    expect(client.heard.map((frame) => frame['code'])).toEqual(Array(10).fill('WS_FRAME_INVALID'))
    expect(host.sessions.published).toEqual([])
    expect(host.sessions.refusals[0]).toMatchObject({ action: 'receive', device: 'meter-1' })
  })

  test('binary frames, large ones and broken framing close the connection', async () => {
    await start()
    const binary = await connectClient(host, { auth })
    binary.socket.send(Buffer.from('{}'))
    expect((await binary.closed).code).toBe(1008)
    const large = await connectClient(host, { auth })
    large.send({ id: 1, publish: 'a', payload: 'x'.repeat(300_000) })
    expect((await large.closed).code).toBe(1009)
    const codes = () => host.sessions.refusals.map(({ refused }) => refused.code)
    await vi.waitFor(() => expect(codes()).toEqual(['WS_FRAME_INVALID', 'WS_FRAME_TOO_LARGE']))
  })
})
