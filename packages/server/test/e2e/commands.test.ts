import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { makeDataFolder } from '../harness/server-process.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api
let other: TestDevice
let count = 0

const start = async (): Promise<void> => {
  server = await startInProcess({ data: data.path })
  api = createApi(server.url)
}
const freshDevice = () => createDevice(api, `valve-${++count}`)
const send = async (device: TestDevice, body: unknown = { name: 'open', params: { percent: 40 } }) => {
  const answer = await api.post(`/api/v1/devices/${device.id}/commands`, body)
  expect(answer.status).toBe(202)
  return answer.body as { id: string; state: string }
}
const read = async (device: TestDevice, id: string) =>
  (await api.get(`/api/v1/devices/${device.id}/commands/${id}`)).body
const hasState = (device: TestDevice, id: string, state: string) =>
  expect.poll(async () => (await read(device, id)).state, { timeout: 5000, interval: 20 }).toBe(state)

beforeAll(async () => {
  data = await makeDataFolder()
  await start()
  other = await createDevice(api, 'other')
})
afterAll(async () => {
  await server.close()
  await data.remove()
})

for (const version of [4, 5] as const) {
  test(`a subscribed device gets it by MQTT ${version}: sent, delivered after its PUBACK, succeeded after its reply`, async () => {
    const device = await freshDevice()
    let acknowledge: (() => void) | undefined
    const client = await connectMqtt(server.port, device, { protocolVersion: version })
    client.mqtt.handleMessage = (_packet, done) => void (acknowledge = () => done())
    await client.mqtt.subscribeAsync(`devices/${device.id}/commands/+`, { qos: 1 })
    const { id } = await send(device)
    const got = await client.next()
    expect(got.topic).toBe(`devices/${device.id}/commands/${id}`)
    expect(JSON.parse(got.text)).toEqual({ name: 'open', params: { percent: 40 } })
    expect(got.packet.qos).toBe(1)
    await hasState(device, id, 'sent')
    expect(acknowledge).toBeDefined()
    acknowledge?.()
    await hasState(device, id, 'delivered')
    await client.mqtt.publishAsync(`${got.topic}/reply`, '{"ok":true,"result":{"percent":40}}', { qos: 1 })
    const ended = await read(device, id)
    expect(ended).toMatchObject({ state: 'succeeded', result: { percent: 40 } })
    expect(ended.sentAt <= ended.deliveredAt && ended.deliveredAt <= ended.endedAt).toBe(true)
    await client.end()
  })
}

test('an offline device finds it queued at its next subscribe, and a failed reply is told', async () => {
  const device = await freshDevice()
  const { id, state } = await send(device)
  expect(state).toBe('queued')
  const client = await connectMqtt(server.port, device)
  await client.mqtt.subscribeAsync(`devices/${device.id}/#`, { qos: 1 })
  const got = await client.next()
  expect(got.topic.endsWith(id)).toBe(true)
  await hasState(device, id, 'delivered')
  await client.mqtt.publishAsync(`${got.topic}/reply`, '{"ok":false,"error":"stuck"}', { qos: 1 })
  expect(await read(device, id)).toMatchObject({ state: 'failed', error: 'stuck' })
  await client.end()
})

for (const version of [4, 5] as const) {
  test(`a kept MQTT ${version} session that resumes without SUBSCRIBE gets it once`, async () => {
    const device = await freshDevice()
    const kept = {
      clean: false,
      clientId: 'kept',
      protocolVersion: version,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    }
    const first = await connectMqtt(server.port, device, kept)
    await first.mqtt.subscribeAsync(`devices/${device.id}/commands/+`, { qos: 1 })
    await first.end()
    const { id } = await send(device)
    const second = await connectMqtt(server.port, device, kept)
    expect((await second.next()).topic).toBe(`devices/${device.id}/commands/${id}`)
    await hasState(device, id, 'delivered')
    // What comes after it shows that no second copy stands between.
    const later = await send(device, { name: 'close' })
    expect((await second.next(1)).topic).toBe(`devices/${device.id}/commands/${later.id}`)
    await second.end()
  })
}

test('a kept session gets it across a restart of the server, states included', async () => {
  const device = await freshDevice()
  const kept = { clean: false, clientId: 'kept', properties: { sessionExpiryInterval: 3600 } }
  const first = await connectMqtt(server.port, device, kept)
  await first.mqtt.subscribeAsync(`devices/${device.id}/commands/+`, { qos: 1 })
  await first.end()
  const waiting = await send(device, { name: 'reboot', timeoutSeconds: 600 })
  const polled = await freshDevice()
  const taken = await send(polled, { name: 'taken', timeoutSeconds: 600 })
  expect((await createDeviceHttp(server.url, polled)(`devices/${polled.id}/commands`)).status).toBe(200)
  await server.close()
  await start()
  expect(await read(device, waiting.id)).toMatchObject({ state: 'queued', name: 'reboot' })
  expect((await read(polled, taken.id)).state).toMatch(/queued|sent/)
  const second = await connectMqtt(server.port, device, kept)
  expect((await second.next()).topic).toBe(`devices/${device.id}/commands/${waiting.id}`)
  await hasState(device, waiting.id, 'delivered')
  await second.end()
  // The answer may have been lost with the restart: it is handed out again.
  const again = await createDeviceHttp(server.url, polled)(`devices/${polled.id}/commands?wait=2`)
  expect(again.body).toMatchObject([{ id: taken.id }])
})

test('a long poll waits for it and takes it; the next poll says that it was delivered; the reply comes by HTTP', async () => {
  const device = await freshDevice()
  const http = createDeviceHttp(server.url, device)
  expect((await http(`devices/${device.id}/commands`)).status).toBe(204)
  const poll = http(`devices/${device.id}/commands?wait=10`)
  const { id } = await send(device)
  expect(await poll).toEqual({ status: 200, body: [{ id, name: 'open', params: { percent: 40 } }] })
  await hasState(device, id, 'sent')
  expect((await http(`devices/${device.id}/commands`)).status).toBe(204)
  await hasState(device, id, 'delivered')
  expect((await http(`devices/${device.id}/commands/${id}/reply`, { ok: true, result: 'done' })).status).toBe(204)
  expect(await read(device, id)).toMatchObject({ state: 'succeeded', result: 'done' })
})

test('a command whose time is over expires and is not handed out', async () => {
  const device = await freshDevice()
  const { id } = await send(device, { name: 'late', timeoutSeconds: 1 })
  await hasState(device, id, 'expired')
  expect((await createDeviceHttp(server.url, device)(`devices/${device.id}/commands`)).status).toBe(204)
})

test('a cancelled command is not handed out, and cannot be cancelled twice', async () => {
  const device = await freshDevice()
  const { id } = await send(device)
  const path = `/api/v1/devices/${device.id}/commands/${id}/cancel`
  expect((await api.post(path)).body.state).toBe('cancelled')
  expect((await api.post(path)).status).toBe(409)
  const client = await connectMqtt(server.port, device)
  await client.mqtt.subscribeAsync(`devices/${device.id}/commands/+`, { qos: 1 })
  const next = await send(device)
  expect((await client.next()).topic.endsWith(next.id)).toBe(true)
  await client.end()
})

test('a foreign device can neither read nor reply, and a device cannot publish a command', async () => {
  const device = await freshDevice()
  const { id } = await send(device)
  const http = createDeviceHttp(server.url, other)
  expect((await http(`devices/${device.id}/commands`)).status).toBe(403)
  expect((await http(`devices/${device.id}/commands/${id}/reply`, { ok: true })).status).toBe(403)
  const client = await connectMqtt(server.port, other)
  await expect(client.mqtt.subscribeAsync(`devices/${device.id}/commands/+`, { qos: 1 })).rejects.toThrow(
    /not authorized/i,
  )
  const refused = client.mqtt.publishAsync(`devices/${device.id}/commands/${id}/reply`, '{"ok":true}', { qos: 1 })
  await expect(refused).rejects.toMatchObject({ code: 0x87 })
  const down = client.mqtt.publishAsync(`devices/${other.id}/commands/x`, '{"name":"forged"}', { qos: 1 })
  await expect(down).rejects.toMatchObject({ code: 0x87 })
  await client.end()
  expect((await read(device, id)).state).toBe('queued')
  // The id of another device's command is none under this one.
  expect((await api.get(`/api/v1/devices/${other.id}/commands/${id}`)).status).toBe(404)
})

test('the history lists the newest first, by pages; commands for an unknown device are 404', async () => {
  const device = await freshDevice()
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) ids.push((await send(device, { name })).id)
  const page = await api.get(`/api/v1/devices/${device.id}/commands?limit=2`)
  expect(page.body.items.map(({ name }: { name: string }) => name)).toEqual(['c', 'b'])
  const rest = await api.get(`/api/v1/devices/${device.id}/commands?limit=2&cursor=${page.body.nextCursor}`)
  expect(rest.body.items.map(({ id }: { id: string }) => id)).toEqual([ids[0]])
  expect((await api.post('/api/v1/devices/nobody/commands', { name: 'x' })).status).toBe(404)
})
