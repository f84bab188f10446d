import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { hasMosquitto, type Mosquitto, startMosquitto } from './mosquitto.ts'
import { createWorld, listenOn, mqttRoute, type World } from './world.ts'

let world: World | undefined
const open: MqttClient[] = []
const brokers: Mosquitto[] = []
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true)
  world?.close()
  for (const broker of brokers.splice(0)) await broker.close()
})
const start = async (): Promise<Mosquitto> => {
  const broker = await startMosquitto()
  brokers.push(broker)
  return broker
}
const connectTo = async (port: number, options: IClientOptions = {}): Promise<MqttClient> => {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options })
  client.on('error', () => undefined)
  open.push(client)
  return client
}
const nodesOf = (...of: Mosquitto[]) => of.map(({ port }) => ({ host: '127.0.0.1', port, weight: 1 }))

/** Carries connections to a port and hashes what goes by in each direction. */
async function startTap(to: number): Promise<{ port: number; hashes(): string[] }> {
  const up = createHash('sha256')
  const down = createHash('sha256')
  const server = createServer((socket) => {
    const on = connect(to, '127.0.0.1')
    for (const each of [socket, on]) each.on('error', () => each.destroy())
    socket.on('data', (bytes) => void up.update(bytes))
    on.on('data', (bytes) => void down.update(bytes))
    socket.pipe(on).pipe(socket)
  })
  world?.own(() => server.close())
  return { port: await listenOn(server), hashes: () => [up.copy().digest('hex'), down.copy().digest('hex')] }
}

/** Sends everything that MQTT has through the gateway to a broker, with both sides recorded. */
async function carriesAll(
  brokerPort: number,
  protocolVersion: 4 | 5,
  most: 1 | 2,
  login: IClientOptions = {},
): Promise<void> {
  world = await createWorld({})
  const behind = await startTap(brokerPort)
  world.configure(mqttRoute([{ host: '127.0.0.1', port: behind.port, weight: 1 }]))
  const before = await startTap(world.port)
  const will = { topic: 'will', payload: Buffer.from('gone'), qos: 1 as const }
  const properties =
    protocolVersion === 5 ? { properties: { sessionExpiryInterval: 0, userProperties: { a: 'b' } } } : {}
  const client = await connectTo(before.port, { clientId: 'all', protocolVersion, will, ...properties, ...login })
  const got: [string, number][] = []
  client.on('message', (topic, payload, { qos }) => void got.push([`${topic} ${payload.length}`, qos]))
  await client.subscribeAsync('t/#', { qos: most })
  const levels = ([0, 1, 2] as const).filter((qos) => qos <= most)
  for (const qos of levels) await client.publishAsync(`t/${qos}`, Buffer.alloc(256 * 1024, qos), { qos })
  await client.publishAsync('t/kept', 'kept', { qos: 1, retain: true })
  await vi.waitFor(() => expect(got).toHaveLength(levels.length + 1), 5_000)
  expect(got.slice(0, -1)).toEqual(levels.map((qos) => [`t/${qos} 262144`, qos]))
  // Past the gateway: the will that a vanished client leaves.
  const watcher = await connectTo(brokerPort, login)
  const heard = new Promise<string>((resolve) => watcher.on('message', (topic) => resolve(topic)))
  await watcher.subscribeAsync('will')
  client.stream.destroy()
  expect(await heard).toBe('will')
  await vi.waitFor(() => expect(before.hashes()).toEqual(behind.hashes()))
}

const rabbit = process.env['RABBITMQ_MQTT_URL']
describe.skipIf(rabbit === undefined)('RabbitMQ', () => {
  const { port = '', username = '', password = '' } = URL.parse(rabbit ?? '') ?? {}
  test.each([4, 5] as const)('level %i: every QoS it has, retained, a will and 256 KiB go by unchanged', (level) =>
    // Its highest is QoS 1.
    carriesAll(Number(port), level, 1, { username, password }),
  )
})

describe.skipIf(!hasMosquitto)('Mosquitto', () => {
  test.each([4, 5] as const)('level %i: every QoS, retained, a will and 256 KiB go by unchanged', async (level) => {
    const broker = await start()
    await carriesAll(broker.port, level, 2)
  })

  test('a killed node moves its own clients and nobody else’s; back again it is used again', async () => {
    const [one, two] = [await start(), await start()]
    const checks = { active: { type: 'mqtt', healthy: { successes: 1 }, unhealthy: { tcp_failures: 2 } } }
    world = await createWorld(mqttRoute(nodesOf(one, two), { checks }))
    const { gateway, port } = world
    const nodes = () => gateway.configuration.upstreams.get('stream_routes/r')?.nodes ?? []
    const closed = new Set<string>()
    const ids = Array.from({ length: 60 }, (_, index) => `c${index}`)
    for (const id of ids) (await connectTo(port, { clientId: id })).on('close', () => closed.add(id))
    const placed = (): Map<string, string> =>
      new Map([...gateway.sessions.values()].map(({ clientId = '', node }) => [clientId, node?.name ?? '']))
    const at = placed()
    const ofOne = ids.filter((id) => at.get(id) === `127.0.0.1:${one.port}`)
    expect(ofOne.length).toBeGreaterThan(10)

    await one.kill()
    await vi.waitFor(() => expect([...closed].toSorted()).toEqual(ofOne.toSorted()))
    await vi.waitFor(() => {
      gateway.tick()
      expect(nodes().map(({ state }) => state)).toEqual(['unhealthy', 'healthy'])
    }, 5_000)
    expect(nodes()[0]?.reason).toContain('ECONNREFUSED')
    for (const id of ofOne) await connectTo(port, { clientId: id })
    expect(new Set(ofOne.map((id) => placed().get(id)))).toEqual(new Set([`127.0.0.1:${two.port}`]))
    expect(closed.size).toBe(ofOne.length)

    await one.start()
    await vi.waitFor(() => {
      gateway.tick()
      expect(nodes()[0]?.state).toBe('healthy')
    }, 5_000)
    const [back = ''] = ofOne
    await connectTo(port, { clientId: back })
    await vi.waitFor(() => expect(placed().get(back)).toBe(`127.0.0.1:${one.port}`))
  })
})
