import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import type { EventContext } from 'rhea'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { hasProton, runPython } from '../harness/proton.ts'

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

const login = () => ({ username: device.id, password: device.secret })
const latest = async (key: string) => (await api.get('/api/v1/devices/boiler-1/latest')).body[key]?.value
const topic = 'devices/boiler-1/telemetry'

test('a message is stored when it is accepted, plain and with TLS', async () => {
  for (const transport of ['tcp', 'tls'] as const) {
    const connection = await connectAmqp(server.port, { ...login(), transport, ca })
    const sender = await openAmqpSender(connection, topic)
    expect(await sendAmqp(sender, `{"${transport}":21.5}`)).toBe('accepted')
    expect(await latest(transport)).toBe(21.5)
    const [session] = (await api.get('/api/v1/devices/boiler-1/sessions')).body.items
    expect(session).toMatchObject({ protocol: 'amqp' })
    await closeAmqp(connection)
  }
})

test('wrong secrets, foreign topics and bad payloads are refused in AMQP’s words and recorded', async () => {
  await expect(connectAmqp(server.port, { username: 'boiler-1', password: 'wrong' })).rejects.toThrow('authenticate: 1')
  const connection = await connectAmqp(server.port, login())
  expect(await sendAmqp(await openAmqpSender(connection, 'devices/other/telemetry'), '{}')).toBe(
    'amqp:unauthorized-access',
  )
  const sender = await openAmqpSender(connection, topic)
  expect(await sendAmqp(sender, '{"a":')).toBe('amqp:decode-error')
  expect(await sendAmqp(sender, `{"a":${'['.repeat(40)}${']'.repeat(40)}}`)).toBe('amqp:decode-error')
  expect(await sendAmqp(sender, 'x'.repeat(300_000))).toBe('amqp:link:message-size-exceeded')
  expect(await sendAmqp(sender, '{"still":1}')).toBe('accepted')
  const { items } = (await api.get('/api/v1/refusals?limit=50')).body
  const codes = items
    .filter((each: { protocol: string }) => each.protocol === 'amqp')
    .map((each: { code: string }) => each.code)
  expect(new Set(codes)).toEqual(
    new Set(['CREDENTIALS_WRONG', 'TOPIC_FORBIDDEN', 'PAYLOAD_MALFORMED', 'PAYLOAD_INVALID', 'AMQP_MESSAGE_TOO_LARGE']),
  )
  await closeAmqp(connection)
})

test('a command waits, comes down, is delivered when accepted and ends with the reply', async () => {
  const { id } = (await api.post('/api/v1/devices/boiler-1/commands', { name: 'open', params: { by: 5 } })).body
  const state = async () => (await api.get(`/api/v1/devices/boiler-1/commands/${id}`)).body.state
  const connection = await connectAmqp(server.port, login())
  const receiver = connection.open_receiver({ source: { address: 'devices/boiler-1/commands/+' }, autoaccept: false })
  const [context] = (await once(receiver, 'message')) as [EventContext]
  expect(context.message?.to).toBe(`devices/boiler-1/commands/${id}`)
  expect(JSON.parse(context.message?.body.content.toString())).toEqual({ name: 'open', params: { by: 5 } })
  await expect.poll(state).toBe('sent')
  context.delivery?.accept()
  await expect.poll(state).toBe('delivered')
  const reply = await openAmqpSender(connection, `devices/boiler-1/commands/${id}/reply`)
  expect(await sendAmqp(reply, '{"ok":true,"result":7}')).toBe('accepted')
  expect(await state()).toBe('succeeded')
  await closeAmqp(connection)
})

test('messages cross to MQTT and back, and an application logs in with user key', async () => {
  const filters = ['devices/#']
  const created = await api.post('/api/v1/api-keys', { name: 'app', publish: filters, subscribe: filters })
  const app = await connectAmqp(server.port, { username: 'key', password: created.body.key })
  const receiver = app.open_receiver('devices/#')
  await once(receiver, 'receiver_open')
  const mqtt = await connectAsync(`mqtt://127.0.0.1:${server.port}`, { username: device.id, password: device.secret })
  await mqtt.subscribeAsync('devices/boiler-1/hello', { qos: 1 })
  const heard = new Promise<string>((resolve) => mqtt.on('message', (_topic, bytes) => resolve(bytes.toString())))
  const came = once(receiver, 'message')
  await mqtt.publishAsync(topic, '{"m":1}', { qos: 1 })
  const [context] = (await came) as [EventContext]
  expect([context.message?.to, context.message?.body.content.toString()]).toEqual([topic, '{"m":1}'])
  expect(await sendAmqp(await openAmqpSender(app, 'devices/boiler-1/hello'), 'world')).toBe('accepted')
  expect(await heard).toBe('world')
  await Promise.all([mqtt.endAsync(), closeAmqp(app)])
})

test('a credential that is revoked ends its connection', async () => {
  const gone = await createDevice(api, 'amqp-gone')
  const connection = await connectAmqp(server.port, { username: gone.id, password: gone.secret })
  const closed = once(connection, 'connection_close')
  await api.delete('/api/v1/devices/amqp-gone')
  expect((await closed)[0].connection.error).toMatchObject({ condition: 'amqp:unauthorized-access' })
})

test.runIf(hasProton).each(['amqp', 'amqps'])(
  'Qpid Proton runs the documentation’s example over %s',
  async (scheme) => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-proton-'))
    try {
      const { id } = (await api.post('/api/v1/devices/boiler-1/commands', { name: 'open' })).body
      const printed = await runPython(await docCode('protocols/amqp.md', 'python'), {
        folder,
        args: [`${scheme}://localhost:${server.port}`, device.secret, join(server.data, 'tls', 'ca.crt')],
      })
      // Until it is answered a command stays open, and would come again.
      await api.post(`/api/v1/devices/boiler-1/commands/${id}/cancel`)
      expect(printed).toBe(`accepted\nwaits for a command\ndevices/boiler-1/commands/${id} {"name":"open"}\n`)
      expect((await api.get(`/api/v1/devices/boiler-1/commands/${id}`)).body.deliveredAt).toBeDefined()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
)
