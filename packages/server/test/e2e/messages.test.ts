import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

let server: InProcess
let api: Api

const createKey = async (body: Record<string, unknown>) => {
  const answer = await api.post('/api/v1/api-keys', { name: 'app', ...body })
  expect(answer.status).toBe(201)
  return { id: answer.body.apiKey.id as string, key: answer.body.key as string }
}

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

test('a message posted to REST reaches an MQTT subscriber', async () => {
  const device = await createDevice(api, 'ear-1')
  const client = await connectMqtt(server.port, device)
  await client.mqtt.subscribeAsync('devices/ear-1/#', { qos: 1 })
  const post = (body: unknown) => api.post('/api/v1/messages', body)
  expect((await post({ topic: 'devices/ear-1/hello', payload: 'text' })).status).toBe(204)
  expect((await post({ topic: 'devices/ear-1/hello', payload: { a: [1] } })).status).toBe(204)
  expect((await post({ topic: 'devices/ear-1/hello', base64: 'AP8=' })).status).toBe(204)
  expect((await client.next()).text).toBe('text')
  expect((await client.next(1)).text).toBe('{"a":[1]}')
  expect((await client.next(2)).packet.payload).toEqual(Buffer.from([0, 255]))
  expect((await post({ topic: 'devices/ear-1/+', payload: 1 })).status).toBeGreaterThanOrEqual(400)
  await client.end()
})

test('a retained value is listed, given to a new subscriber and cleared', async () => {
  const device = await createDevice(api, 'ear-2')
  await api.post('/api/v1/messages', { topic: 'devices/ear-2/motd', payload: 'kept', retain: true })
  const listed = await api.get('/api/v1/messages/retained?filter=devices/ear-2/%23')
  expect(listed.body.items).toMatchObject([{ topic: 'devices/ear-2/motd', payload: 'kept', qos: 1 }])
  const client = await connectMqtt(server.port, device)
  await client.mqtt.subscribeAsync('devices/ear-2/#', { qos: 1 })
  expect(await client.next()).toMatchObject({ text: 'kept', packet: { retain: true } })
  await client.mqtt.publishAsync('devices/ear-2/bytes', Buffer.from([0xff, 0]), { qos: 1, retain: true })
  const both = await api.get('/api/v1/messages/retained?filter=devices/ear-2/%23&limit=1')
  expect(both.body.items).toMatchObject([{ topic: 'devices/ear-2/bytes', base64: '/wA=' }])
  const rest = await api.get(`/api/v1/messages/retained?filter=devices/ear-2/%23&cursor=${both.body.nextCursor}`)
  expect(rest.body.items).toMatchObject([{ topic: 'devices/ear-2/motd' }])
  const clear = () => api.delete('/api/v1/messages/retained?topic=devices/ear-2/motd')
  expect((await clear()).status).toBe(204)
  expect((await clear()).status).toBe(404)
  await client.end()
  const late = await connectMqtt(server.port, device)
  await late.mqtt.subscribeAsync('devices/ear-2/motd', { qos: 1 })
  await late.mqtt.publishAsync('devices/ear-2/motd', 'live', { qos: 1 })
  expect((await late.next()).text).toBe('live')
  await late.end()
})

test('an application hears telemetry that came by HTTP, within its filters, as user key', async () => {
  const device = await createDevice(api, 'meter-1')
  await createDevice(api, 'meter-2')
  const { key } = await createKey({ subscribe: ['devices/meter-1/#'] })
  const app = await connectMqtt(server.port, { id: 'key', secret: key })
  await app.mqtt.subscribeAsync('devices/meter-1/#', { qos: 1 })
  await expect(app.mqtt.subscribeAsync('devices/meter-2/#', { qos: 1 })).rejects.toThrow(/not authorized/i)
  expect((await createDeviceHttp(server.url, device)('devices/meter-1/telemetry', { kwh: 5 })).status).toBe(204)
  expect(await app.next()).toMatchObject({ topic: 'devices/meter-1/telemetry', text: '{"kwh":5}' })
  const publish = app.mqtt.publishAsync('devices/meter-1/telemetry', '{"kwh":6}', { qos: 1 })
  await expect(publish).rejects.toMatchObject({ code: 0x87 })
  await app.end()
})

test('an application publishes for a device by MQTT and HTTP; its session ends with its key', async () => {
  await createDevice(api, 'meter-3')
  const { id, key } = await createKey({ publish: ['devices/meter-3/telemetry/#'] })
  const app = await connectMqtt(server.port, { id: 'key', secret: key })
  await app.mqtt.publishAsync('devices/meter-3/telemetry', '{"kwh":7}', { qos: 1 })
  const latest = async () => (await api.get('/api/v1/devices/meter-3/latest')).body
  expect((await latest()).kwh.value).toBe(7)
  const http = createDeviceHttp(server.url, { id: 'key', secret: key })
  expect((await http('devices/meter-3/telemetry', { kwh: 8 })).status).toBe(204)
  expect((await latest()).kwh.value).toBe(8)
  // One form of problem on every path, REST's own included.
  const type = '/docs/reference/errors#TOPIC_FORBIDDEN'
  expect(await http('devices/meter-3/heartbeat', '1')).toMatchObject({ status: 403, body: { type } })
  // A key without a role has no right in REST, and a wrong one is nobody.
  expect((await createApi(server.url, key).get('/api/v1/devices')).status).toBe(403)
  // A plugin's path that asks for a right tells the one from the other, too.
  expect((await createApi(server.url, key).get('/x/alert-web/any')).status).toBe(403)
  expect((await createApi(server.url, 'nobody').get('/x/alert-web/any')).status).toBe(401)
  expect((await api.delete(`/api/v1/api-keys/${id}`)).status).toBe(204)
  await expect.poll(app.closed, { timeout: 1000, interval: 10 }).toBe(true)
  expect(app.goodbye()).toBe(0x87)
  await expect(connectMqtt(server.port, { id: 'key', secret: key })).rejects.toThrow(/Connection refused/)
  expect((await http('devices/meter-3/telemetry', { kwh: 9 })).status).toBe(401)
  expect((await createApi(server.url, key).get('/api/v1/session')).status).toBe(401)
})

test('a key with a role and filters publishes by REST only what its filters say', async () => {
  await createDevice(api, 'meter-4')
  const { key } = await createKey({ role: 'operator', publish: ['devices/meter-4/#'] })
  const app = createApi(server.url, key)
  expect((await app.post('/api/v1/messages', { topic: 'devices/meter-4/x', payload: 'x' })).status).toBe(204)
  expect((await app.post('/api/v1/messages', { topic: 'devices/meter-1/x', payload: 'x' })).status).toBe(403)
})

describe('a whole process that is killed', () => {
  test('keeps retained values and the queue of a kept session that it acknowledged', async () => {
    const data = await makeDataFolder()
    let process = await startServer({ data: data.path })
    let rest = createApi(process.url)
    const device = await createDevice(rest, 'sleeper')
    const kept = { clean: false, clientId: 'bed', properties: { sessionExpiryInterval: 3600 } }
    const sleeper = await connectMqtt(process.port, device, kept)
    await sleeper.mqtt.subscribeAsync('devices/sleeper/mail', { qos: 1 })
    await sleeper.end()
    const writer = await connectMqtt(process.port, device)
    for (let n = 0; n < 20; n++) await writer.mqtt.publishAsync('devices/sleeper/mail', String(n), { qos: 1 })
    await writer.mqtt.publishAsync('devices/sleeper/motd', 'kept', { qos: 1, retain: true })
    expect((await rest.post('/api/v1/messages', { topic: 'devices/sleeper/mail', payload: 'rest' })).status).toBe(204)
    await process.kill()
    process = await startServer({ data: data.path })
    rest = createApi(process.url)
    expect((await rest.get('/api/v1/messages/retained')).body.items).toMatchObject([{ payload: 'kept' }])
    const again = await connectMqtt(process.port, device, kept)
    await again.next(20)
    expect(again.got.map(({ text }) => text)).toEqual([...Array.from({ length: 20 }, (_, n) => String(n)), 'rest'])
    await again.end()
    await process.stop()
    await data.remove()
  })
})
