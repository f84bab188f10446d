import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { docCode, runDocCode } from '../harness/doc-code.ts'
import { connectGrpc, type GrpcAck } from '../harness/grpc-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const { status } = grpc
let server: InProcess
let api: Api
let device: TestDevice
let ca: Buffer

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  device = await createDevice(api, 'boiler-1')
  ca = await readFile(join(server.data, 'tls', 'ca.crt'))
})
afterAll(() => server.close())

const auth = () => `${device.id}:${device.secret}`
const latest = async (key: string) => (await api.get('/api/v1/devices/boiler-1/latest')).body[key]?.value
const topic = 'devices/boiler-1/telemetry'
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => status.OK,
    (error: { code: number }) => error.code,
  )

test('a message is stored when it is answered, plain and with TLS', async () => {
  for (const [key, tls] of [
    ['plain', {}],
    ['tls', { ca }],
  ] as const) {
    const client = connectGrpc(server.port, { auth: auth(), ...tls })
    expect(await client.publish(topic, `{"${key}":21.5}`)).toEqual({ id: '1', code: 0, detail: '' })
    expect(await latest(key)).toBe(21.5)
    client.close()
  }
})

test('wrong secrets, foreign topics and bad payloads have their status and are recorded', async () => {
  const stranger = connectGrpc(server.port, { auth: 'boiler-1:wrong' })
  expect(await codeOf(stranger.publish(topic, '{}'))).toBe(status.UNAUTHENTICATED)
  const client = connectGrpc(server.port, { auth: auth() })
  expect(await codeOf(client.publish('devices/other/telemetry', '{}'))).toBe(status.PERMISSION_DENIED)
  expect(await codeOf(client.publish(topic, '{"a":'))).toBe(status.INVALID_ARGUMENT)
  expect(await codeOf(client.publish(topic, `{"a":${'['.repeat(40)}${']'.repeat(40)}}`))).toBe(status.INVALID_ARGUMENT)
  expect(await codeOf(client.publish(topic, 'x'.repeat(264_000)))).toBe(status.INVALID_ARGUMENT)
  expect(await codeOf(client.publish(topic, 'x'.repeat(300_000)))).toBe(status.RESOURCE_EXHAUSTED)
  expect(await codeOf(client.publish(topic, '{"still":1}'))).toBe(status.OK)
  const { items } = (await api.get('/api/v1/refusals?limit=50')).body
  const codes = items.map((each: { protocol: string; code: string }) => `${each.protocol} ${each.code}`)
  for (const code of [
    'CREDENTIALS_WRONG',
    'TOPIC_FORBIDDEN',
    'PAYLOAD_MALFORMED',
    'PAYLOAD_INVALID',
    'PAYLOAD_TOO_LARGE',
  ])
    expect(codes).toContain(`grpc ${code}`)
  stranger.close()
  client.close()
})

test('a stream is acknowledged message by message, and is a live session', async () => {
  const client = connectGrpc(server.port, { auth: auth() })
  const stream = client.publishStream()
  const acks = new Map<string, number>()
  stream.on('data', ({ id, code }: GrpcAck) => acks.set(id, code))
  for (let n = 1; n <= 500; n++) stream.write({ topic, payload: Buffer.from(`{"s":${n}}`), id: n })
  stream.write({ topic, payload: Buffer.from('nonsense'), id: 501 })
  await expect.poll(() => acks.size).toBe(501)
  const [session] = (await api.get('/api/v1/devices/boiler-1/sessions')).body.items
  expect(session).toMatchObject({ protocol: 'grpc' })
  stream.end()
  await once(stream, 'end')
  expect([...acks.values()].filter((code) => code !== 0)).toEqual([status.INVALID_ARGUMENT])
  expect(await latest('s')).toBe(500)
  client.close()
})

test('a command waits, comes down, is delivered and ends with the reply', async () => {
  const { id } = (await api.post('/api/v1/devices/boiler-1/commands', { name: 'open', params: { by: 5 } })).body
  const state = async () => (await api.get(`/api/v1/devices/boiler-1/commands/${id}`)).body.state
  const client = connectGrpc(server.port, { auth: auth() })
  const stream = client.subscribe('devices/boiler-1/commands/+')
  stream.on('error', () => undefined)
  const [message] = await once(stream, 'data')
  expect(message.topic).toBe(`devices/boiler-1/commands/${id}`)
  expect(JSON.parse(message.payload.toString())).toEqual({ name: 'open', params: { by: 5 } })
  await expect.poll(state).toBe('delivered')
  await client.publish(`devices/boiler-1/commands/${id}/reply`, '{"ok":true,"result":7}')
  expect(await state()).toBe('succeeded')
  stream.cancel()
  client.close()
})

test('messages cross to MQTT and back, and an application logs in with user key', async () => {
  const filters = ['devices/#']
  const created = await api.post('/api/v1/api-keys', { name: 'app', publish: filters, subscribe: filters })
  const app = connectGrpc(server.port, { auth: `key:${created.body.key}` })
  const stream = app.subscribe('devices/#')
  stream.on('error', () => undefined)
  const came = once(stream, 'data')
  await once(stream, 'metadata')
  const mqtt = await connectAsync(`mqtt://127.0.0.1:${server.port}`, { username: device.id, password: device.secret })
  await mqtt.subscribeAsync('devices/boiler-1/hello', { qos: 1 })
  const heard = new Promise<string>((resolve) => mqtt.on('message', (_topic, bytes) => resolve(bytes.toString())))
  await mqtt.publishAsync(topic, '{"m":1}', { qos: 1 })
  const [message] = await came
  expect([message.topic, message.payload.toString()]).toEqual([topic, '{"m":1}'])
  await app.publish('devices/boiler-1/hello', 'world')
  expect(await heard).toBe('world')
  stream.cancel()
  app.close()
  await mqtt.endAsync()
})

test('a credential that is revoked ends its stream and its next call', async () => {
  const gone = await createDevice(api, 'grpc-gone')
  const client = connectGrpc(server.port, { auth: `${gone.id}:${gone.secret}` })
  await client.publish('sensors/grpc-gone/a', '1')
  const stream = client.subscribe('devices/grpc-gone/#').resume()
  const over = new Promise<number>((resolve) => stream.on('error', ({ code }: { code: number }) => resolve(code)))
  await once(stream, 'metadata')
  await api.delete('/api/v1/devices/grpc-gone')
  expect(await over).toBe(status.PERMISSION_DENIED)
  expect(await codeOf(client.publish('sensors/grpc-gone/a', '1'))).toBe(status.UNAUTHENTICATED)
  client.close()
})

test.each(['plain', 'tls'])('the documentation’s example works (%s)', async (how) => {
  // Beside the libraries that it imports.
  const folder = await mkdtemp(fileURLToPath(new URL('../../node_modules/.try-', import.meta.url)))
  try {
    await writeFile(join(folder, 'patchbay.proto'), await (await fetch(`${server.url}/v1/patchbay.proto`)).text())
    const { id } = (await api.post('/api/v1/devices/boiler-1/commands', { name: 'open' })).body
    const printed = await runDocCode(await docCode('protocols/grpc.md', 'js'), {
      folder,
      file: 'try.mjs',
      env: {
        HOST: `localhost:${server.port}`,
        SECRET: device.secret,
        ...(how === 'tls' ? { CA: join(server.data, 'tls', 'ca.crt') } : {}),
      },
    })
    // Until it is answered a command stays open, and would come again.
    await api.post(`/api/v1/devices/boiler-1/commands/${id}/cancel`)
    expect(printed).toContain('waits for a command\n')
    expect(printed).toContain(`devices/boiler-1/commands/${id} {"name":"open"}\n`)
    expect(printed).toContain('stored\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
