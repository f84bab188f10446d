import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, type TestDevice } from '../harness/api.ts'
import { isInstalled } from '../harness/coap-client.ts'
import { docCode } from '../harness/doc-code.ts'
import { exerciseMqtt } from '../harness/everything-mqtt.ts'
import { freePort, untilListening } from '../harness/gateway-folder.ts'
import { startInProcess, type InProcess } from '../harness/in-process.ts'
import { connectMqtt, type TestClient } from '../harness/mqtt-client.ts'
import { testKey } from '../harness/server-process.ts'
import { noRabbitMq, type RabbitMqServer, startRabbitMq } from '../harness/rabbitmq-server.ts'

const missing = noRabbitMq ?? (isInstalled('curl') ? undefined : 'skipped, no curl on the PATH')
const name = `RabbitMQ beside the platform${missing === undefined ? '' : `: ${missing}`}`

// RabbitMQ takes three seconds over each login that it refuses.
describe.skipIf(missing !== undefined)(name, { timeout: 60_000 }, () => {
  let server: InProcess
  let api: Api
  let rabbit: RabbitMqServer
  const devices: TestDevice[] = []
  let application: TestDevice

  beforeAll(async () => {
    server = await startInProcess()
    api = createApi(server.url)
    // The commands of docs/access.md that make the broker's key; the answer of the last one has it.
    const script = (await docCode('access.md', 'sh', 1)).replaceAll(':8080/', `:${server.port}/`)
    const env = { ...process.env, PATCHBAY_API_KEY: testKey }
    const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { env })
    const [key] = /pbk_[A-Za-z0-9_-]{30,}/.exec(stdout) ?? []
    if (key === undefined) throw new Error(`no key in ${stdout}`)
    for (const id of ['pump-1', 'pump-2', 'pump-3', 'pump-1.a']) {
      const { password } = (await api.post('/api/v1/devices', { id })).body.credentials
      devices.push({ id, secret: password })
    }
    const made = (
      await api.post('/api/v1/api-keys', { name: 'app', publish: ['plant/#'], subscribe: ['devices/+/telemetry'] })
    ).body
    application = { id: `key/${made.apiKey.id}`, secret: made.key }
    // The page's own configuration, with this key and port.
    const lines = (await docCode('access.md', 'ini')).replaceAll('pbk_…', key).replaceAll(':8080/', `:${server.port}/`)
    expect(lines).toContain(`patchbay:${key}@127.0.0.1:${server.port}/v1/broker-auth/rabbitmq/topic`)
    rabbit = await startRabbitMq([lines], ['rabbitmq_auth_backend_http'])
  }, 120_000)
  afterAll(async () => {
    await rabbit?.stop()
    await server?.close()
  }, 60_000)

  const device = (at: number): TestDevice => {
    const found = devices[at]
    if (!found) throw new Error('no device')
    return found
  }
  // RabbitMQ speaks MQTT 5 from its version 3.13 on.
  const enter = (who: TestDevice, options: object = {}): Promise<TestClient> =>
    connectMqtt(rabbit.mqttPort, who, { protocolVersion: 4, ...options })
  /** RabbitMQ ends the connection of who publishes where he may not. */
  const mayPublish = (client: TestClient, topic: string): Promise<boolean> =>
    new Promise((resolve) => {
      client.mqtt.once('close', () => resolve(false))
      client.mqtt.publish(topic, 'x', { qos: 1 }, (error) => resolve(!error))
    })
  const maySubscribe = async (client: TestClient, filter: string): Promise<boolean> =>
    client.mqtt.subscribeAsync(filter, { qos: 1 }).then(
      (grants) => grants.every(({ qos }) => qos < 128),
      () => false,
    )
  const refusals = async (query: string) => (await api.get(`/api/v1/refusals?${query}`)).body.items

  test('lets in who has the platform’s credentials, and nobody else', async () => {
    const client = await enter(device(0))
    await client.end()
    await expect(enter({ ...device(0), secret: 'wrong' })).rejects.toThrow(/Connection refused|closed/)
    await expect(enter({ id: 'stranger', secret: 'x' })).rejects.toThrow(/Connection refused|closed/)
    await expect(enter({ id: 'guest', secret: 'guest' })).rejects.toThrow(/Connection refused|closed/)
    await expect
      .poll(() => refusals('action=connect'))
      .toMatchObject([
        { protocol: 'rabbitmq', device: 'guest', code: 'DEVICE_UNKNOWN' },
        { device: 'stranger', code: 'DEVICE_UNKNOWN' },
        { device: 'pump-1', code: 'CREDENTIALS_WRONG', step: 'credentials' },
      ])
  })

  test('gives a device its own topics and no others', async () => {
    const { id } = device(1)
    const watcher = await enter(application)
    expect(await maySubscribe(watcher, 'devices/+/telemetry')).toBe(true)
    const client = await enter(device(1))
    expect(await maySubscribe(client, `devices/${id}/commands/+`)).toBe(true)
    expect(await mayPublish(client, `devices/${id}/telemetry`)).toBe(true)
    expect((await watcher.next()).topic).toBe(`devices/${id}/telemetry`)
    expect(await maySubscribe(client, 'devices/+/telemetry')).toBe(false)
    await expect
      .poll(() => refusals(`device=${id}&action=subscribe`))
      .toMatchObject([{ topic: 'devices/+/telemetry', step: 'default' }])
    const other = await enter(device(1))
    expect(await mayPublish(other, 'devices/pump-1/telemetry')).toBe(false)
    await expect
      .poll(() => refusals(`device=${id}&action=publish`))
      .toMatchObject([{ topic: 'devices/pump-1/telemetry', protocol: 'rabbitmq' }])
    await Promise.all([watcher.end(), client.end(), other.end()])
  })

  test('obeys a rule of the platform with the next question', async () => {
    const { id } = device(2)
    const before = await enter(device(2))
    expect(await mayPublish(before, 'plant/alarm')).toBe(false)
    const rule = (await api.post('/api/v1/access/rules', { effect: 'allow', actions: ['publish'], filter: 'plant/#' }))
      .body
    const after = await enter(device(2))
    expect(await mayPublish(after, 'plant/alarm')).toBe(true)
    await api.delete(`/api/v1/access/rules/${rule.id}`)
    await api.delete(`/api/v1/devices/${id}`)
    await expect(enter(device(2))).rejects.toThrow(/Connection refused|closed/)
    await Promise.all([before.end(), after.end()])
  })

  test('does not let a device take the session of another by its client id', async () => {
    const mine = await enter(device(0), { clientId: 'pump-1' })
    await expect(enter(device(1), { clientId: 'pump-1' })).rejects.toThrow(/Connection refused|closed/)
    expect(mine.closed()).toBe(false)
    const again = await enter(device(0), { clientId: 'pump-1/second' })
    await Promise.all([mine.end(), again.end()])
  })

  test('lets nobody in whose topics it could not tell from those of another', async () => {
    await expect(enter(device(3))).rejects.toThrow(/Connection refused|closed/)
    await expect.poll(() => refusals('device=pump-1.a')).toMatchObject([{ code: 'BROKER_UNABLE', step: 'broker' }])
  })

  test('lets an application in by key/{id}, with the filters of its key', async () => {
    const client = await enter(application)
    expect(await mayPublish(client, 'plant/a')).toBe(true)
    expect(await maySubscribe(client, '#')).toBe(false)
    const other = await enter(application)
    expect(await mayPublish(other, 'devices/pump-1/telemetry')).toBe(false)
    await expect(enter({ ...application, id: 'key' })).rejects.toThrow(/Connection refused|closed/)
    await Promise.all([client.end(), other.end()])
  })

  // Here, and not beside the other brokers of gateway-brokers.test.ts, because this RabbitMQ has been started already.
  test.for([4, 5] as const)(
    'behind the gateway, level %i: every QoS it has, retained, a will and 256 KiB go by unchanged',
    async (level, { skip }) => {
      const [, major = '0', minor = '0'] = /Starting RabbitMQ (\d+)\.(\d+)/.exec(rabbit.log()) ?? []
      const speaks5 = Number(major) * 1_000 + Number(minor) >= 3_013
      if (level === 5 && !speaks5) skip(`RabbitMQ ${major}.${minor} does not speak MQTT 5`)
      const topics = { publish: ['t/#'], subscribe: ['t/#'] }
      const { apiKey, key } = (await api.post('/api/v1/api-keys', { name: 'exercise', ...topics })).body
      const port = await freePort()
      const listeners = [{ port, address: '', tls: false, proxyProtocol: false }]
      await api.put('/api/v1/plugins/gateway-mqtt/instances/default', { config: { listeners } })
      await untilListening(port)
      await exerciseMqtt({
        brokerPort: rabbit.mqttPort,
        level,
        // Its highest.
        most: 1,
        login: { username: `key/${apiKey.id}`, password: key },
        async route(node) {
          const plugins = { 'mqtt-proxy': { protocol_level: level } }
          const upstream = { type: 'chash', key: 'mqtt_client_id', nodes: { [`127.0.0.1:${node}`]: 1 } }
          const put = { method: 'PUT', headers: { 'x-api-key': testKey }, body: JSON.stringify({ plugins, upstream }) }
          const answer = await fetch(`${server.url}/apisix/admin/stream_routes/r`, put)
          expect(answer.status).toBeLessThan(300)
          return port
        },
      })
    },
  )
})
