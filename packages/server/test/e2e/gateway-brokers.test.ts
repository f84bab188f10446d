import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { exerciseMqtt } from '../harness/everything-mqtt.ts'
import { freePort, type GatewayFolder, makeGatewayFolder, untilListening } from '../harness/gateway-folder.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { type MosquittoServer, noMosquitto, startMosquitto } from '../harness/mosquitto-server.ts'

let server: InProcess
let folder: GatewayFolder
let port: number
let api: Api
beforeAll(async () => {
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
