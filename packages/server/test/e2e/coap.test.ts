import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { isInstalled, runCoapClient, startCoapClient } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

const here = isInstalled('coap-client-notls')

let server: InProcess
let api: Api
let device: TestDevice
let folder: string

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  device = await createDevice(api, 'coap-1')
  await createDevice(api, 'coap-2')
  folder = await mkdtemp(join(tmpdir(), 'patchbay-coap-'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const uri = (path: string, pass = device.secret) =>
  `coap://127.0.0.1:${server.port}/${path}?user=${device.id}&pass=${pass}`
const post = (path: string, ...more: string[]) => runCoapClient('notls', ['-m', 'post', ...more, uri(path)])
const latest = async (key: string) => (await api.get(`/api/v1/devices/coap-1/latest`)).body[key]?.value
const telemetry = 'devices/coap-1/telemetry'

describe.skipIf(!here)('libcoap’s client on the one port, without DTLS (coap-client-notls)', () => {
  test('publishes, confirmable and not', async () => {
    expect(await post(telemetry, '-t', 'application/json', '-e', '{"con": 21.5}')).not.toMatch(/[45]\.\d\d/)
    expect(await latest('con')).toBe(21.5)
    expect(await post(`${telemetry}/non`, '-N', '-e', '7')).not.toMatch(/[45]\.\d\d/)
    await vi.waitFor(async () => expect(await latest('non')).toBe(7))
    expect(await post('sensors/coap-1/plain', '-e', '3')).not.toMatch(/[45]\.\d\d/)
    expect(await latest('plain')).toBe(3)
  })

  test('publishes CBOR', async () => {
    const file = join(folder, 'one.cbor')
    // {"cbor": 5}
    await writeFile(file, Buffer.from('a16463626f7205', 'hex'))
    await post(telemetry, '-t', 'application/cbor', '-f', file)
    expect(await latest('cbor')).toBe(5)
  })

  test.each([16, 64, 1024])('publishes 20,000 bytes in blocks of %i', async (bytes) => {
    const file = join(folder, `large-${bytes}.json`)
    await writeFile(file, JSON.stringify({ ts: Date.now(), values: { [`block-${bytes}`]: 'x'.repeat(20_000) } }))
    expect(await post(telemetry, '-b', String(bytes), '-f', file)).not.toMatch(/[45]\.\d\d/)
    expect(await latest(`block-${bytes}`)).toHaveLength(20_000)
  })

  test('is told why it is refused, and the refusal is listed', async () => {
    expect(await runCoapClient('notls', ['-m', 'post', '-e', '1', uri(telemetry, 'wrong')])).toMatch(/^4\.01/)
    expect(await post('devices/coap-2/telemetry', '-e', '1')).toMatch(/^4\.03 TOPIC_FORBIDDEN/)
    expect(await post(telemetry, '-e', '{')).toMatch(/^4\.00 PAYLOAD_MALFORMED/)
    const large = join(folder, 'too-large.json')
    await writeFile(large, JSON.stringify({ a: 'x'.repeat(70_000) }))
    expect(await post(telemetry, '-f', large)).toMatch(/^4\.13/)
    const { body } = await api.get('/api/v1/refusals?limit=50')
    const coap = body.items.filter((item: { protocol: string }) => item.protocol === 'coap')
    expect(coap.map((item: { code: string }) => item.code)).toEqual(
      expect.arrayContaining(['CREDENTIALS_WRONG', 'TOPIC_FORBIDDEN', 'PAYLOAD_MALFORMED']),
    )
  })

  test('reads the desired shadow, also in blocks after an Echo', async () => {
    await api.patch('/api/v1/devices/coap-1/shadow', { desired: { text: 'y'.repeat(5000) } })
    const shadow = await runCoapClient('notls', [uri('devices/coap-1/shadow/desired')])
    expect(JSON.parse(shadow)).toMatchObject({ delta: { text: 'y'.repeat(5000) } })
    expect(await runCoapClient('notls', [`coap://127.0.0.1:${server.port}/.well-known/core`])).toContain('</devices>')
  })

  test('an observed command is delivered once it is acknowledged, and its reply settles it', async () => {
    const queued = (await api.post('/api/v1/devices/coap-1/commands', { name: 'early' })).body.id
    const observer = startCoapClient('notls', ['-s', '60', '-w', uri('devices/coap-1/commands')], 60_000)
    try {
      await vi.waitFor(() => expect(observer.output()).toContain('early'), 10_000)
      expect((await api.get('/api/v1/devices/coap-1')).body.status).toBe('online')
      const { id } = (await api.post('/api/v1/devices/coap-1/commands', { name: 'restart', params: { now: true } }))
        .body
      await vi.waitFor(() =>
        expect(observer.output()).toContain(`[{"id":"${id}","name":"restart","params":{"now":true}}]`),
      )
      const stateOf = async (command: string) =>
        (await api.get(`/api/v1/devices/coap-1/commands/${command}`)).body.state
      await vi.waitFor(async () => expect(await stateOf(id)).toBe('delivered'))
      expect(await stateOf(queued)).toBe('delivered')
      await post(`devices/coap-1/commands/${id}/reply`, '-e', '{"ok": true}')
      expect(await stateOf(id)).toBe('succeeded')
    } finally {
      observer.stop()
      await observer.done
    }
  })

  test('what CoAP publishes reaches an MQTT subscriber', async () => {
    const listener = await connectAsync(`mqtt://127.0.0.1:${server.port}`, {
      username: device.id,
      password: device.secret,
      reconnectPeriod: 0,
    })
    const heard = new Promise<string>((resolve) =>
      listener.on('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`)),
    )
    await listener.subscribeAsync('devices/coap-1/note', { qos: 1 })
    await post('devices/coap-1/note', '-e', 'hello')
    expect(await heard).toBe('devices/coap-1/note hello')
    await listener.endAsync()
  })

  test('a revoked secret is refused at once', async () => {
    const old = device.secret
    device = { ...device, secret: (await api.post('/api/v1/devices/coap-1/credentials')).body.credentials.password }
    expect(await runCoapClient('notls', ['-m', 'post', '-e', '1', uri(telemetry, old)])).toMatch(/^4\.03/)
    expect(await post(telemetry, '-e', '{"rotated": 1}')).not.toMatch(/[45]\.\d\d/)
  })
})

test('the one port is listed over UDP too', async () => {
  const { items } = (await api.get('/api/v1/system/listeners')).body
  const main = items.find(({ name }: { name: string }) => name === 'main-udp')
  expect(main).toMatchObject({ port: server.port, transport: 'udp', state: 'listening' })
  // Everybody who sent something in the last minute.
  if (here) expect(main.connections).toBeGreaterThan(0)
})
