import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { exerciseMqtt } from '../harness/everything-mqtt.ts'
import { freePort, type GatewayFolder, makeGatewayFolder, untilListening } from '../harness/gateway-folder.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'
import { type MosquittoServer, noMosquitto, startMosquitto } from '../harness/mosquitto-server.ts'

let server: InProcess
let folder: GatewayFolder
let port: number
let api: Api
const warnings: Error[] = []
const hear = (warning: Error): void => void warnings.push(warning)
beforeAll(async () => {
  process.on('warning', hear)
  folder = await makeGatewayFolder()
  port = await freePort()
  await folder.listen(port)
  await folder.route('#END\n')
  server = await startInProcess({ env: { PATCHBAY_GATEWAY: folder.path, PATCHBAY_OPEN_TOPICS: 't/#' } })
  api = createApi(server.url)
  await untilListening(port)
})
afterAll(async () => {
  await server.close()
  await folder.remove()
  process.off('warning', hear)
  // A socket with many listeners looks like a leak, and would be one the day another is forgotten.
  expect(warnings.map(({ name, message }) => `${name}: ${message}`)).toEqual([])
})

const routeTo = async (nodes: readonly number[], more: object = {}): Promise<number> => {
  const upstream = {
    type: 'chash',
    key: 'mqtt_client_id',
    nodes: nodes.map((node) => ({ host: '127.0.0.1', port: node, weight: 1 })),
    ...more,
  }
  const plugins = { 'mqtt-proxy': { protocol_level: [3, 4, 5] } }
  const { status } = await api.put('/apisix/admin/stream_routes/r', { plugins, upstream })
  expect(status).toBeLessThan(300)
  return port
}
const route = (node: number): Promise<number> => routeTo([node])

/** A client of a broker that says everything back. */
const openEcho = async (at: number) => {
  const socket = connect(at, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const say = async (text: string): Promise<string> => {
    socket.write(text)
    const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
    return String(answer)
  }
  expect(await say('hello')).toBe('hello')
  return { say, end: () => void socket.destroy() }
}

test('ports are opened and closed while it runs, and the connections of others, and of the closed one, stay', async () => {
  const echo = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const address = echo.address()
  const node = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  await api.put('/apisix/admin/stream_routes/r', { upstream: { nodes: { [node]: 1 } } })
  const [later, own] = [await freePort(), await freePort()]
  const stays = await openEcho(port)
  const instance = '/api/v1/plugins/gateway-mqtt/instances/default'
  const { since } = (await api.get(instance)).body.status
  await folder.listen(port, later)
  await untilListening(later)
  const leaves = await openEcho(later)
  await api.put(instance, {
    config: { listeners: [{ port: own, address: '', tls: false, proxyProtocol: false }] },
  })
  await untilListening(own)
  await folder.listen(port)
  await vi.waitFor(() => expect(openEcho(later)).rejects.toThrow('ECONNREFUSED'), 10_000)
  const listeners = JSON.stringify((await api.get('/api/v1/system/listeners')).body)
  expect([listeners.includes(`gateway-${later}`), listeners.includes(`gateway-${own}`)]).toEqual([false, true])
  expect([await stays.say('still'), await leaves.say('here')]).toEqual(['still', 'here'])
  expect((await api.get(instance)).body.status).toMatchObject({ state: 'running', since })
  await api.put(instance, { config: { listeners: [] } })
  await expect(openEcho(own)).rejects.toThrow('ECONNREFUSED')
  for (const each of [stays, leaves]) each.end()
  echo.close()
})

const connack5 = Buffer.from([0x20, 3, 0, 0, 0])
const connack4 = Buffer.from([0x20, 2, 0, 0])

/** Answers every CONNECT on these ports, and says in their order at which one each client has come. Throws where one is taken. */
async function openBrokers(ports: readonly number[]) {
  const servers = ports.map((at) => ({ at, server: createServer() }))
  const seen: number[] = []
  for (const { at, server } of servers) {
    server.on('connection', (socket) => {
      seen.push(at)
      socket.on('error', () => socket.destroy())
      socket.once('data', (bytes: Buffer) => socket.write(bytes[8] === 5 ? connack5 : connack4))
    })
    await once(server.listen(at, '127.0.0.1'), 'listening')
  }
  return { seen, close: () => servers.forEach(({ server }) => server.close()) }
}
const isFree = (at: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(at, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
/** The ports that stand in the published examples. */
const published = [9_100, 1_883, 1_884]
const areFree = (await Promise.all(published.map(isFree))).every(Boolean)

test.skipIf(!areFree)(
  `the published YAML and curl run unchanged${areFree ? '' : `: skipped, ${published.join(', ')} are not all free`}`,
  async () => {
    const [entrance = 0, ...nodes] = published
    const brokers = await openBrokers(nodes)
    const place = async (at: number, protocolVersion: 4 | 5): Promise<number[]> => {
      brokers.seen.length = 0
      for (const clientId of ['client-1', 'client-2', 'client-3', 'client-4']) {
        const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${at}`, {
          clientId,
          protocolVersion,
          reconnectPeriod: 0,
        })
        client.end(true)
      }
      return [...brokers.seen]
    }
    try {
      await api.delete('/apisix/admin/stream_routes/r')
      await folder.listen(port, entrance)
      await folder.route(await docCode('gateway.md', 'yaml', 1))
      await untilListening(entrance)
      await vi.waitFor(async () => expect((await api.get('/apisix/admin/stream_routes/1')).status).toBe(200), 5_000)
      expect(await place(entrance, 5)).toEqual([1_883, 1_883, 1_883, 1_884])
      // Without a route of that port only the one that curl makes is left.
      await folder.route('#END\n')
      const script = (await docCode('gateway.md', 'sh')).replaceAll(':8080/', `:${server.port}/`)
      const env = { ...process.env, admin_key: testKey }
      const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { env })
      expect(stdout).toContain('/apisix/stream_routes/mqtt-route')
      await vi.waitFor(async () => expect((await api.get('/apisix/admin/stream_routes/1')).status).toBe(404), 5_000)
      expect(await place(port, 4)).toEqual([1_883, 1_883, 1_883, 1_884])
    } finally {
      brokers.close()
      await api.delete('/apisix/admin/stream_routes/mqtt-route')
      await folder.listen(port)
    }
  },
)

test('a device reaches Patchbay’s own broker through a route, and its reading is stored', async () => {
  const plugins = { 'mqtt-proxy': { protocol_level: [4, 5] }, 'limit-conn': { conn: 9, burst: 0, key: 'remote_addr' } }
  const upstream = { type: 'chash', key: 'mqtt_client_id', nodes: [{ local: true, weight: 1 }] }
  await api.put('/apisix/admin/stream_routes/r', { plugins, upstream })
  const { id, secret } = await createDevice(api, 'tank-1')
  const login = { username: id, password: secret, clientId: id, protocolVersion: 5 } as const
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, login)
  await client.publishAsync('devices/tank-1/telemetry', '{"level": 7}', { qos: 1 })
  expect((await api.get('/api/v1/devices/tank-1/latest')).body.level.value).toBe(7)
  expect((await api.get('/api/v1/devices/tank-1/sessions')).body.items).toHaveLength(1)
  expect(JSON.stringify((await api.get('/api/v1/system/listeners')).body)).toContain(`gateway-${port}`)
  await client.endAsync()
})

test('the file is read again while it runs, and taken with its last line only', async () => {
  await api.delete('/apisix/admin/stream_routes/r')
  const broker = createServer((socket) => socket.end('here')).listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const address = broker.address()
  const node = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const routes = `stream_routes:\n  - id: 1\n    upstream:\n      nodes:\n        "${node}": 1\n`
  await folder.route(routes)
  const instance = '/api/v1/plugins/gateway-mqtt/instances/default'
  await vi.waitFor(async () => expect((await api.get(instance)).body.status.text).toContain('#END'), 5_000)
  await folder.route(`${routes}#END\n`)
  await vi.waitFor(async () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    const [bytes] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
    socket.destroy()
    expect(String(bytes)).toBe('here')
  }, 5_000)
  await folder.route('#END\n')
  broker.close()
})

describe('Patchbay itself', () => {
  // Its largest packet is 256 KiB; here that is the payload alone.
  beforeAll(() => api.put('/api/v1/plugins/adapter-mqtt/instances/default', { config: { maxPacketBytes: 1 << 20 } }))

  test.each([4, 5] as const)('level %i: every QoS, retained, a will and 256 KiB go by unchanged', (level) =>
    exerciseMqtt({ brokerPort: server.port, level, most: 2, route }),
  )
})

const rabbit = process.env['RABBITMQ_MQTT_URL']
// One of the test's own is behind the gateway in broker-auth-rabbitmq.test.ts, where it has been started already.
describe.skipIf(rabbit === undefined)('the RabbitMQ of RABBITMQ_MQTT_URL', () => {
  const { port: rabbitPort = '', username = '', password = '' } = URL.parse(rabbit ?? '') ?? {}
  test.each([4, 5] as const)('level %i: every QoS it has, retained, a will and 256 KiB go by unchanged', (level) =>
    exerciseMqtt({ brokerPort: Number(rabbitPort), level, most: 1, login: { username, password }, route }),
  )
})

describe.skipIf(noMosquitto !== undefined)(`Mosquitto${noMosquitto === undefined ? '' : `: ${noMosquitto}`}`, () => {
  const brokers: MosquittoServer[] = []
  const clients: MqttClient[] = []
  beforeAll(async () => {
    brokers.push(await startMosquitto(), await startMosquitto())
  })
  afterAll(async () => {
    for (const client of clients) client.end(true)
    for (const broker of brokers) await broker.stop()
  })
  const [first, second] = [0, 1].map((at) => (): MosquittoServer => brokers[at] as MosquittoServer) as [
    () => MosquittoServer,
    () => MosquittoServer,
  ]

  test.each([4, 5] as const)('level %i: every QoS, retained, a will and 256 KiB go by unchanged', (level) =>
    exerciseMqtt({ brokerPort: first().port, level, most: 2, route }),
  )

  test('a killed node moves its own clients and nobody else’s; back again it is used again', async () => {
    const [one, two] = [first(), second()]
    const checks = { active: { type: 'mqtt', healthy: { successes: 1 }, unhealthy: { tcp_failures: 1 } } }
    await routeTo([one.port, two.port], { checks })
    const enter = async (clientId: string): Promise<MqttClient> => {
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, clientId })
      client.on('error', () => undefined)
      clients.push(client)
      return client
    }
    const states = async (): Promise<{ state: string; reason?: string }[]> =>
      (await api.get('/api/v1/gateway/nodes')).body.items.map(
        ({ state, reason }: { state: string; reason?: string }) => ({
          state,
          ...(reason === undefined ? {} : { reason }),
        }),
      )
    const placed = async (): Promise<Map<string, string>> =>
      new Map(
        (await api.get('/api/v1/gateway/sessions?limit=200')).body.items.map(
          (each: { clientId: string; node: string }) => [each.clientId, each.node],
        ),
      )
    const closed = new Set<string>()
    const ids = Array.from({ length: 60 }, (_, index) => `c${index}`)
    for (const id of ids) (await enter(id)).on('close', () => closed.add(id))
    const at = await placed()
    const ofOne = ids.filter((id) => at.get(id) === `127.0.0.1:${one.port}`)
    expect(ofOne.length).toBeGreaterThan(10)

    await one.kill()
    await vi.waitFor(() => expect([...closed].toSorted()).toEqual(ofOne.toSorted()))
    await vi.waitFor(
      async () =>
        expect(await states()).toEqual([
          { state: 'unhealthy', reason: expect.stringContaining('ECONNREFUSED') },
          { state: 'healthy' },
        ]),
      10_000,
    )
    for (const id of ofOne) await enter(id)
    const then = await placed()
    expect(new Set(ofOne.map((id) => then.get(id)))).toEqual(new Set([`127.0.0.1:${two.port}`]))
    expect(closed.size).toBe(ofOne.length)

    await one.start()
    await vi.waitFor(async () => expect(await states()).toEqual([{ state: 'healthy' }, { state: 'healthy' }]), 10_000)
    const [back = ''] = ofOne
    await enter(back)
    expect((await placed()).get(back)).toBe(`127.0.0.1:${one.port}`)
  })
})
