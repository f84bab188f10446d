import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp, type TestClient } from '../harness/mqtt-client.ts'
import { publishOnce } from '../harness/publish-once.ts'

/** What a change of rights may take to hold on a live connection. */
const atOnceMs = 1000

let server: InProcess
let api: Api
let count = 0

const freshDevice = async (fields: Record<string, unknown> = {}): Promise<TestDevice> => {
  const id = `pump-${++count}`
  const answer = await api.post('/api/v1/devices', { id, ...fields })
  expect(answer.status).toBe(201)
  return { id, secret: answer.body.credentials.password }
}
const addRule = async (rule: Record<string, unknown>): Promise<string> => {
  const answer = await api.post('/api/v1/access/rules', rule)
  expect(answer.status).toBe(201)
  return answer.body.id
}
const removeRule = async (id: string) => expect((await api.delete(`/api/v1/access/rules/${id}`)).status).toBe(204)
const ask = async ({ id }: TestDevice, action: string, topic: string) =>
  (await api.post(`/api/v1/devices/${id}/access/test`, { action, topic })).body
/** The reason code of a publish at QoS 1; 0 = taken. */
const tryPublish = (client: TestClient, topic: string): Promise<number> =>
  client.mqtt.publishAsync(topic, 'x', { qos: 1 }).then(
    () => 0,
    (error: { code: number }) => error.code,
  )
/** Whether a message of this topic reaches the client: one that surely does is sent after it. */
const isDelivered = async (client: TestClient, { id }: TestDevice, topic: string): Promise<boolean> => {
  const from = client.got.length
  await api.post('/api/v1/messages', { topic, payload: 'perhaps' })
  await api.post('/api/v1/messages', { topic: `devices/${id}/mark`, payload: 'surely' })
  await expect.poll(() => client.got.at(-1)?.text, { timeout: 5000, interval: 5 }).toBe('surely')
  const isThere = client.got.slice(from).some(({ text }) => text === 'perhaps')
  client.got.length = 0
  return isThere
}
const subscriptionsOf = async ({ id }: TestDevice): Promise<string[]> =>
  (await api.get(`/api/v1/devices/${id}/sessions`)).body.items[0].subscriptions
const soon = (work: () => unknown) => expect.poll(work, { timeout: atOnceMs + 500, interval: 10 })

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

test('an allow rule holds on a live connection at once, for publish and subscribe, and its end does too', async () => {
  const device = await freshDevice()
  const client = await connectMqtt(server.port, device)
  expect(await tryPublish(client, 'plant/alarm')).toBe(0x87)
  const rule = await addRule({ effect: 'allow', actions: ['publish', 'subscribe'], filter: 'plant/#' })
  expect(await tryPublish(client, 'plant/alarm')).toBe(0)
  await client.mqtt.subscribeAsync('plant/+', { qos: 1 })
  expect(await tryPublish(client, 'plant/alarm')).toBe(0)
  expect((await client.next()).topic).toBe('plant/alarm')
  await removeRule(rule)
  expect(await tryPublish(client, 'plant/alarm')).toBe(0x87)
  // What it subscribed to while it was allowed is not delivered any more.
  await soon(() => subscriptionsOf(device)).toEqual([])
  await client.mqtt.subscribeAsync(`devices/${device.id}/#`, { qos: 1 })
  await soon(() => isDelivered(client, device, 'plant/alarm')).toBe(false)
  expect(client.closed()).toBe(false)
  await client.end()
})

test('a deny rule takes a built-in right away at once and wins over an allow of any order', async () => {
  const device = await freshDevice()
  const client = await connectMqtt(server.port, device)
  const topic = `devices/${device.id}/firmware`
  await client.mqtt.subscribeAsync([topic, `devices/${device.id}/mark`], { qos: 1 })
  expect(await tryPublish(client, topic)).toBe(0)
  await client.next()
  const allow = await addRule({ effect: 'allow', actions: ['publish', 'subscribe'], filter: topic, order: 1 })
  const deny = await addRule({
    effect: 'deny',
    actions: ['publish', 'subscribe'],
    filter: 'devices/{id}/firmware',
    order: 500,
    scope: { devices: [device.id] },
  })
  expect(await tryPublish(client, topic)).toBe(0x87)
  expect(await ask(device, 'publish', topic)).toMatchObject({ allowed: false, step: 'rule', rule: deny })
  await soon(() => subscriptionsOf(device)).toEqual([`devices/${device.id}/mark`])
  await soon(() => isDelivered(client, device, topic)).toBe(false)
  await removeRule(deny)
  expect(await ask(device, 'publish', topic)).toMatchObject({ allowed: true, step: 'rule', rule: allow })
  await removeRule(allow)
  expect(await ask(device, 'publish', topic)).toMatchObject({ allowed: true, step: 'built-in' })
  expect(await tryPublish(client, topic)).toBe(0)
  await client.end()
})

test('a rule is limited by tag and by type, and a new tag or type counts at once', async () => {
  await api.post('/api/v1/types', { id: 'gauge' })
  const device = await freshDevice({ tags: ['roof'] })
  const client = await connectMqtt(server.port, device)
  const byTag = await addRule({ effect: 'allow', actions: ['publish'], filter: 'roof/{id}', scope: { tags: ['roof'] } })
  const byType = await addRule({
    effect: 'allow',
    actions: ['publish'],
    filter: 'gauge/+',
    scope: { types: ['gauge'] },
  })
  expect(await tryPublish(client, `roof/${device.id}`)).toBe(0)
  expect(await tryPublish(client, 'roof/somebody')).toBe(0x87)
  expect(await tryPublish(client, 'gauge/1')).toBe(0x87)
  await api.patch(`/api/v1/devices/${device.id}`, { tags: [], type: 'gauge' })
  expect(await tryPublish(client, `roof/${device.id}`)).toBe(0x87)
  expect(await tryPublish(client, 'gauge/1')).toBe(0)
  const http = createDeviceHttp(server.url, device)
  expect((await http('gauge/1', 'x')).status).toBe(204)
  expect((await http(`roof/${device.id}`, 'x')).status).toBe(403)
  await removeRule(byTag)
  await removeRule(byType)
  await client.end()
})

test('rules are listed in their order, changed with If-Match, and bad ones are refused', async () => {
  const late = await addRule({ id: 'late', effect: 'allow', actions: ['publish'], filter: 'a/b', order: 900 })
  const early = await addRule({ id: 'early', effect: 'deny', actions: ['publish'], filter: 'a/b', order: 1 })
  const listed = (await api.get('/api/v1/access/rules')).body.items.map(({ id }: { id: string }) => id)
  expect(listed.indexOf(early)).toBeLessThan(listed.indexOf(late))
  const body = { effect: 'deny', actions: ['publish'], filter: 'a/c' }
  expect((await api.put('/api/v1/access/rules/late', body, { 'if-match': '"9"' })).status).toBe(412)
  expect((await api.put('/api/v1/access/rules/late', body, { 'if-match': '"1"' })).body).toMatchObject({ version: 2 })
  expect((await api.post('/api/v1/access/rules', { ...body, filter: 'a/#/b' })).status).toBe(422)
  expect((await api.post('/api/v1/access/rules', { ...body, effect: 'maybe' })).status).toBe(422)
  await removeRule('late')
  await removeRule('early')
})

test('a deleted device is cut at once on every protocol and leaves nothing to log in with', async () => {
  const device = await freshDevice()
  const kept = { clean: false, properties: { sessionExpiryInterval: 3600 }, clientId: 'kept' }
  const client = await connectMqtt(server.port, device, kept)
  const http = createDeviceHttp(server.url, device)
  await client.mqtt.publishAsync(`devices/${device.id}/motd`, 'mine', { qos: 1, retain: true })
  await client.mqtt.publishAsync(`devices/${device.id}/telemetry`, '{"a":1}', { qos: 1 })
  const beats = () => Promise.all([1, 2, 3].map(() => http(`devices/${device.id}/heartbeat`, '1')))
  expect((await beats()).map(({ status }) => status)).toEqual([204, 204, 204])
  expect((await api.delete(`/api/v1/devices/${device.id}?data=delete`)).status).toBe(204)
  // By every connection that was kept open.
  expect((await beats()).map(({ status }) => status)).toEqual([401, 401, 401])
  await soon(client.closed).toBe(true)
  expect(client.goodbye()).toBe(0x87)
  const attempt = { port: server.port, username: device.id, password: device.secret, topic: 'a', payload: 'x' }
  expect(await publishOnce({ ...attempt, version: 5 })).toEqual({ connack: 0x86 })
  expect(await publishOnce({ ...attempt, version: 4 })).toEqual({ connack: 4 })
  const retained = await api.get(`/api/v1/messages/retained?filter=devices/${device.id}/%23`)
  expect(retained.body.items).toEqual([])
  // The next one of that name is another device: it inherits neither session nor data.
  const again = await api.post('/api/v1/devices', { id: device.id })
  const heir = await connectMqtt(server.port, { id: device.id, secret: again.body.credentials.password }, kept)
  expect((await api.get(`/api/v1/devices/${device.id}/latest`)).body).toEqual({})
  await heir.end()
})

test('rotation without overlap cuts who came with the old secret; with overlap the old one works until it ends', async () => {
  const device = await freshDevice()
  const client = await connectMqtt(server.port, device)
  const path = `/api/v1/devices/${device.id}/credentials`
  const second = (await api.post(path)).body.credentials.password
  await soon(client.closed).toBe(true)
  await expect(connectMqtt(server.port, device)).rejects.toThrow(/Connection refused/)
  const live = await connectMqtt(server.port, { ...device, secret: second })
  const third = (await api.post(path, { overlapSeconds: 1 })).body.credentials.password
  expect((await api.get(path)).body.items).toHaveLength(2)
  expect(JSON.stringify((await api.get(path)).body)).not.toContain(third)
  const overlapping = await connectMqtt(server.port, { ...device, secret: second })
  const fresh = await connectMqtt(server.port, { ...device, secret: third })
  await expect.poll(overlapping.closed, { timeout: 3000, interval: 20 }).toBe(true)
  expect(live.closed()).toBe(true)
  expect(fresh.closed()).toBe(false)
  const http = await createDeviceHttp(server.url, { ...device, secret: second })(`devices/${device.id}/heartbeat`, '1')
  expect(http.status).toBeGreaterThanOrEqual(401)
  await expect.poll(async () => (await api.get(path)).body.items, { timeout: 2000, interval: 50 }).toHaveLength(1)
  const [{ id }] = (await api.get(path)).body.items
  expect((await api.delete(`${path}/${id}`)).status).toBe(204)
  await soon(fresh.closed).toBe(true)
})

test('sessions are listed with their subscriptions, and an admin disconnects one', async () => {
  const device = await freshDevice()
  const one = await connectMqtt(server.port, device, { clientId: 'one' })
  const two = await connectMqtt(server.port, device, { clientId: 'two', protocolVersion: 4 })
  await one.mqtt.subscribeAsync(`devices/${device.id}/x`, { qos: 1 })
  const path = `/api/v1/devices/${device.id}/sessions`
  const { items } = (await api.get(path)).body
  expect(items).toHaveLength(2)
  const session = items.find(({ clientId }: { clientId: string }) => clientId === 'one')
  expect(session).toMatchObject({ protocol: 'mqtt', address: '127.0.0.1', subscriptions: [`devices/${device.id}/x`] })
  expect((await api.delete(`${path}/${session.id}`)).status).toBe(204)
  await soon(one.closed).toBe(true)
  expect(one.goodbye()).toBe(0x98)
  expect(two.closed()).toBe(false)
  expect((await api.delete(`${path}/${session.id}`)).status).toBe(404)
  expect((await api.get(path)).body.items).toHaveLength(1)
  // The same client id of the same device takes over; of another device it does not.
  const three = await connectMqtt(server.port, device, { clientId: 'two' })
  await soon(two.closed).toBe(true)
  const stranger = await connectMqtt(server.port, await freshDevice(), { clientId: 'two' })
  expect(three.closed()).toBe(false)
  await Promise.all([three.end(), stranger.end()])
})

test('a refused subscription is told and recorded', async () => {
  const device = await freshDevice()
  const client = await connectMqtt(server.port, device)
  await expect(client.mqtt.subscribeAsync('#', { qos: 1 })).rejects.toThrow(/not authorized/i)
  await expect(client.mqtt.subscribeAsync('devices/+/telemetry', { qos: 1 })).rejects.toThrow(/not authorized/i)
  await soon(
    async () => (await api.get(`/api/v1/refusals?device=${device.id}&action=subscribe`)).body.items,
  ).toMatchObject([
    { topic: 'devices/+/telemetry', code: 'TOPIC_FORBIDDEN', step: 'default', protocol: 'mqtt' },
    { topic: '#', code: 'TOPIC_FORBIDDEN' },
  ])
  await client.end()
})
