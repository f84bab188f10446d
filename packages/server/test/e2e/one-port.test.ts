import { readFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let device: TestDevice
let ca: Buffer

beforeAll(async () => {
  server = await startInProcess({ env: { PATCHBAY_OPEN_TOPICS: 'lab/#' } })
  api = createApi(server.url)
  device = await createDevice(api, 'one-1')
  ca = await readFile(join(server.data, 'tls', 'ca.crt'))
})
afterAll(() => server.close())

const latest = async (key: string) => (await api.get('/api/v1/devices/one-1/latest')).body[key]?.value

test.each([
  ['mqtt', 4],
  ['mqtt', 5],
  ['mqtts', 4],
  ['mqtts', 5],
  ['ws', 4],
  ['ws', 5],
  ['wss', 5],
] as const)('%s with MQTT version %i reaches the store by the one port', async (scheme, protocolVersion) => {
  const path = scheme.startsWith('ws') ? '/mqtt' : ''
  const client = await connectAsync(`${scheme}://localhost:${server.port}${path}`, {
    protocolVersion,
    username: device.id,
    password: device.secret,
    reconnectPeriod: 0,
    ca,
  })
  const key = `${scheme}-${protocolVersion}`
  await client.publishAsync(`devices/one-1/telemetry/${key}`, '7.5', { qos: 1 })
  expect(await latest(key)).toBe(7.5)
  await client.endAsync()
})

test('https reaches REST and device HTTP by the same port, and its certificate is good for the names it has', async () => {
  const ask = (path: string, auth: string, body?: string) =>
    new Promise<number>((resolve, reject) => {
      const options = { host: 'localhost', port: server.port, path, ca, method: body === undefined ? 'GET' : 'POST' }
      const request = https.request({ ...options, headers: { authorization: auth } }, (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
      })
      request.on('error', reject)
      request.end(body)
    })
  expect(await ask('/api/v1/session', 'Bearer test-key-of-the-suites-0123456789abcdef')).toBe(200)
  const basic = `Basic ${btoa(`${device.id}:${device.secret}`)}`
  expect(await ask('/v1/devices/one-1/telemetry', basic, '{"https":1}')).toBe(204)
  expect(await latest('https')).toBe(1)
})

test('open topics are for anonymous MQTT clients, and nothing else is', async () => {
  const listener = await connectAsync(`mqtt://127.0.0.1:${server.port}`, { reconnectPeriod: 0 })
  const heard = new Promise<string>((resolve) =>
    listener.on('message', (_topic, payload) => resolve(payload.toString())),
  )
  expect(await listener.subscribeAsync('lab/#', { qos: 1 })).toMatchObject([{ qos: 1 }])
  await expect(listener.subscribeAsync('devices/#', { qos: 1 })).rejects.toThrow('Subscribe error')
  const talker = await connectAsync(`mqtt://127.0.0.1:${server.port}`, { reconnectPeriod: 0 })
  await talker.publishAsync('lab/bench', 'hello', { qos: 1 })
  expect(await heard).toBe('hello')
  await Promise.all([listener.endAsync(), talker.endAsync()])
})
