import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { docCode, runDocCode } from '../harness/doc-code.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

let server: InProcess
let api: Api
let device: TestDevice
let ca: Buffer

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  device = await createDevice(api, 'web-1')
  ca = await readFile(join(server.data, 'tls', 'ca.crt'))
})
afterAll(() => server.close())

const login = () => ({ auth: `${device.id}:${device.secret}` })
const latest = async (key: string) => (await api.get('/api/v1/devices/web-1/latest')).body[key]?.value

test('wrong secrets, unknown devices and foreign topics are refused in words and recorded', async () => {
  await expect(connectWebSocket(server.port, { auth: 'web-1:wrong' })).rejects.toThrow('401')
  await expect(connectWebSocket(server.port, { auth: 'nobody:wrong' })).rejects.toThrow('401')
  const client = await connectWebSocket(server.port, login())
  expect(await client.ask({ publish: 'devices/web-2/telemetry', payload: {} })).toMatchObject({
    code: 'TOPIC_FORBIDDEN',
  })
  expect(await client.ask({ subscribe: '#' })).toMatchObject({ code: 'TOPIC_FORBIDDEN' })
  const deep = `${'['.repeat(40)}${']'.repeat(40)}`
  client.socket.send(`{"id":"deep","publish":"devices/web-1/telemetry","payload":{"a":${deep}}}`)
  expect(await client.next((frame) => frame['error'] === 'deep')).toMatchObject({ code: 'PAYLOAD_INVALID' })
  client.socket.send('{"id":"big","publish":"sensors/web-1/a","payload":9007199254740993}')
  expect(await client.next((frame) => frame['error'] === 'big')).toMatchObject({ code: 'PAYLOAD_INVALID' })
  const { items } = (await api.get('/api/v1/refusals?limit=50')).body
  expect(new Set(items.map((each: { protocol: string }) => each.protocol))).toEqual(new Set(['websocket']))
  await client.close()
})

test('a message is stored when it is acknowledged, over ws and wss, also by the first frame', async () => {
  for (const scheme of ['ws', 'wss'] as const) {
    const client = await connectWebSocket(server.port, { scheme, ca })
    client.send({ id: 'login', auth: { id: device.id, secret: device.secret } })
    await client.next((frame) => frame['ack'] === 'login')
    expect(await client.ask({ publish: 'devices/web-1/telemetry', payload: { [scheme]: 21.5 } })).toHaveProperty('ack')
    expect(await latest(scheme)).toBe(21.5)
    const [session] = (await api.get('/api/v1/devices/web-1/sessions')).body.items
    expect(session).toMatchObject({ protocol: 'websocket' })
    await client.close()
  }
})

test('messages cross to MQTT and back, and an application logs in with user key', async () => {
  const created = await api.post('/api/v1/api-keys', {
    name: 'app',
    publish: ['devices/#', 'hall/#'],
    subscribe: ['devices/#', 'hall/#'],
  })
  expect(created.status).toBe(201)
  const app = await connectWebSocket(server.port, { auth: `key:${created.body.key}` })
  await app.ask({ subscribe: 'devices/#' })
  const mqtt = await connectAsync(`mqtt://127.0.0.1:${server.port}`, { username: device.id, password: device.secret })
  await mqtt.subscribeAsync('devices/web-1/hello', { qos: 1 })
  const heard = new Promise<string>((resolve) => mqtt.on('message', (_topic, bytes) => resolve(bytes.toString())))
  await mqtt.publishAsync('devices/web-1/telemetry', '{"m":1}', { qos: 1 })
  expect(await app.next((frame) => 'message' in frame)).toEqual({
    message: 'devices/web-1/telemetry',
    payload: { m: 1 },
  })
  expect(await app.ask({ publish: 'devices/web-1/hello', payload: 'world' })).toHaveProperty('ack')
  expect(await heard).toBe('"world"')
  await Promise.all([mqtt.endAsync(), app.close()])
})

test('a command waits, comes down, is delivered by its ack and ends with the reply', async () => {
  const { id } = (await api.post('/api/v1/devices/web-1/commands', { name: 'open', params: { by: 5 } })).body
  const state = async () => (await api.get(`/api/v1/devices/web-1/commands/${id}`)).body.state
  const client = await connectWebSocket(server.port, login())
  await client.ask({ subscribe: 'devices/web-1/commands/+' })
  const frame = await client.next((each) => 'message' in each)
  expect(frame).toMatchObject({ message: `devices/web-1/commands/${id}`, payload: { name: 'open', params: { by: 5 } } })
  await expect.poll(state).toBe('sent')
  client.send({ ack: frame['mid'] })
  await expect.poll(state).toBe('delivered')
  await client.ask({ publish: `devices/web-1/commands/${id}/reply`, payload: { ok: true, result: 7 } })
  expect(await state()).toBe('succeeded')
  await client.close()
})

test('a credential that is revoked ends its connection', async () => {
  const gone = await createDevice(api, 'web-gone')
  const client = await connectWebSocket(server.port, { auth: `${gone.id}:${gone.secret}` })
  await api.delete('/api/v1/devices/web-gone')
  expect(await client.closed).toBe(1008)
  await expect(connectWebSocket(server.port, { auth: `${gone.id}:${gone.secret}` })).rejects.toThrow('401')
})

test.each(['ws', 'wss'])('the documentation’s example works over %s', async (scheme) => {
  const made = await createDevice(api, `boiler-1`).catch(async () => {
    const rotated = await api.post('/api/v1/devices/boiler-1/credentials')
    return { id: 'boiler-1', secret: rotated.body.credentials.password as string }
  })
  const printed = await runDocCode(await docCode('protocols/websocket.md', 'js'), {
    folder: server.data,
    file: 'try.mjs',
    env: {
      URL: `${scheme}://localhost:${server.port}/v1/ws`,
      SECRET: made.secret,
      NODE_EXTRA_CA_CERTS: join(server.data, 'tls', 'ca.crt'),
    },
  })
  expect(printed).toBe('{"ack":"login"}\n{"ack":1}\n{"ack":2}\n')
})
