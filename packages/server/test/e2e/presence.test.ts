import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { createMovedClock } from '../harness/moved-clock.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { makeDataFolder } from '../harness/server-process.ts'

let clock: ReturnType<typeof createMovedClock>
let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api

const start = async (): Promise<void> => {
  server = await startInProcess({ clock, data: data.path })
  api = createApi(server.url)
}
const read = async ({ id }: TestDevice) => (await api.get(`/api/v1/devices/${id}`)).body
const statusOf = async (device: TestDevice): Promise<string> => (await read(device)).status
/** Second by second, as time passes: a jump would look like a machine that slept. */
const pass = async (seconds: number): Promise<void> => {
  for (let n = 0; n < seconds; n++) await clock.move(1000)
}

beforeEach(async () => {
  clock = createMovedClock()
  data = await makeDataFolder()
  await start()
})
afterEach(async () => {
  await server.close()
  await data.remove()
})

test('never, online with a session, offline ten seconds after its end, in the list and after a restart', async () => {
  const device = await createDevice(api, 'door-1')
  await createDevice(api, 'door-2')
  expect(await read(device)).toMatchObject({ status: 'never' })
  expect((await read(device)).lastSeenAt).toBeUndefined()
  const client = await connectMqtt(server.port, device)
  const online = await read(device)
  expect(online.status).toBe('online')
  expect(online.lastSeenAt).toBeDefined()
  const listed = async (status: string) =>
    (await api.get(`/api/v1/devices?status=${status}`)).body.items.map(({ id }: { id: string }) => id)
  expect(await listed('online')).toEqual(['door-1'])
  expect(await listed('never')).toEqual(['door-2'])
  await client.end()
  await expect.poll(async () => (await api.get('/api/v1/devices/door-1/sessions')).body.items).toEqual([])
  await pass(8)
  expect(await statusOf(device)).toBe('online')
  await pass(4)
  expect(await statusOf(device)).toBe('offline')
  expect(await listed('offline')).toEqual(['door-1'])
  const log = (await api.get('/api/v1/devices/door-1/log')).body.items
  expect(log.map(({ kind }: { kind: string }) => kind)).toEqual([
    'offline',
    'session-ended',
    'session-opened',
    'online',
  ])
  expect(log[1]).toMatchObject({ protocol: 'mqtt', address: '127.0.0.1', why: 'closed' })
  expect((await api.get('/api/v1/devices/door-1/log?limit=1')).body.items).toHaveLength(1)
  expect((await api.get('/api/v1/devices/nobody/log')).status).toBe(404)
  const before = await read(device)
  await server.close()
  await start()
  expect(await read(device)).toMatchObject({ status: 'offline', statusSince: before.statusSince })
  expect((await read(device)).lastSeenAt).toBe(before.lastSeenAt)
})

test('a session that comes back within ten seconds leaves it online', async () => {
  const device = await createDevice(api, 'door-3')
  await (await connectMqtt(server.port, device)).end()
  const since = (await read(device)).statusSince
  await pass(7)
  const again = await connectMqtt(server.port, device)
  await pass(12)
  expect(await read(device)).toMatchObject({ status: 'online', statusSince: since })
  await again.end()
})

test('a request by HTTP is a sign of life for one heartbeat of the type', async () => {
  await api.post('/api/v1/types', { id: 'quick', heartbeatSeconds: 20 })
  const created = await api.post('/api/v1/devices', { id: 'meter-1', type: 'quick' })
  const device = { id: 'meter-1', secret: created.body.credentials.password }
  const http = createDeviceHttp(server.url, device)
  expect((await http('devices/meter-1/heartbeat', 'anything')).status).toBe(204)
  const first = await read(device)
  expect(first.status).toBe('online')
  await pass(18)
  expect(await statusOf(device)).toBe('online')
  expect((await http('sensors/meter-1/kwh', '5')).status).toBe(204)
  expect((await read(device)).lastSeenAt > first.lastSeenAt).toBe(true)
  await pass(18)
  expect(await statusOf(device)).toBe('online')
  await pass(4)
  expect(await statusOf(device)).toBe('offline')
})

test('a missed heartbeat is offline even with a session, and the next message is online again', async () => {
  await api.post('/api/v1/types', { id: 'quick', heartbeatSeconds: 20 })
  const created = await api.post('/api/v1/devices', { id: 'mute-1', type: 'quick' })
  const device = { id: 'mute-1', secret: created.body.credentials.password }
  const client = await connectMqtt(server.port, device, { keepalive: 0 })
  await pass(22)
  expect(await statusOf(device)).toBe('offline')
  expect(client.closed()).toBe(false)
  await client.mqtt.publishAsync('devices/mute-1/heartbeat', '', { qos: 1 })
  expect(await statusOf(device)).toBe('online')
  await client.end()
})

test('who was online at a stop has ten seconds after the start to come back', async () => {
  const device = await createDevice(api, 'door-4')
  const client = await connectMqtt(server.port, device)
  await server.close()
  expect(client.closed()).toBe(true)
  expect(client.goodbye()).toBe(0x8b)
  await start()
  expect(await statusOf(device)).toBe('online')
  await pass(12)
  expect(await statusOf(device)).toBe('offline')
})
