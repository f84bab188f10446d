import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { publishOnce } from '../harness/publish-once.ts'

let server: InProcess
let api: Api
let count = 0

const createOf = async (type: string): Promise<TestDevice> => {
  const id = `unit-${++count}`
  const answer = await api.post('/api/v1/devices', { id, type })
  expect(answer.status).toBe(201)
  return { id, secret: answer.body.credentials.password }
}
const createType = async (body: Record<string, unknown>) =>
  expect((await api.post('/api/v1/types', body)).status).toBe(201)
const latest = async ({ id }: TestDevice): Promise<Record<string, { value: unknown }>> =>
  (await api.get(`/api/v1/devices/${id}/latest`)).body
const publish = (device: TestDevice, payload: string | Uint8Array, version: 4 | 5 = 5, more = '') =>
  publishOnce({
    port: server.port,
    version,
    username: device.id,
    password: device.secret,
    topic: `devices/${device.id}/telemetry${more}`,
    payload,
  })

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

const keys = [
  { key: 'temperature', kind: 'number', unit: '°C', minimum: -40, maximum: 120 },
  { key: 'open', kind: 'boolean' },
]

test('a strict type refuses undeclared keys and values out of range, on both protocols, and keeps nothing of them', async () => {
  await createType({ id: 'strict', strict: true, keys })
  const device = await createOf('strict')
  const http = createDeviceHttp(server.url, device)
  const post = async (body: unknown) => {
    const answer = await http(`devices/${device.id}/telemetry`, body)
    return [answer.status, answer.body.code]
  }
  expect(await post({ temperature: 20, colour: 'red' })).toEqual([422, 'KEY_UNDECLARED'])
  expect(await post({ temperature: 121 })).toEqual([422, 'VALUE_OUT_OF_RANGE'])
  expect(await post({ temperature: 'hot' })).toEqual([422, 'VALUE_OUT_OF_RANGE'])
  expect(await post({ open: 1 })).toEqual([422, 'VALUE_OUT_OF_RANGE'])
  expect(await publish(device, '{"colour":"red"}')).toEqual({ puback: 0x99 })
  expect(await publish(device, '121', 5, '/temperature')).toEqual({ puback: 0x99 })
  expect(await publish(device, '{"temperature":121}', 4)).toEqual({ closed: true })
  expect(await latest(device)).toEqual({})
  expect(await post({ temperature: 120, open: true })).toEqual([204, undefined])
  expect(await latest(device)).toMatchObject({ temperature: { value: 120 }, open: { value: true } })
  const client = await connectMqtt(server.port, device)
  const refused = client.mqtt.publishAsync(`devices/${device.id}/telemetry`, '{"x":1}', { qos: 1 })
  await expect(refused).rejects.toMatchObject({ code: 0x99 })
  await client.mqtt.publishAsync(`devices/${device.id}/telemetry`, '{"temperature":1}', { qos: 1 })
  await client.end()
  const refusals = await api.get(`/api/v1/refusals?device=${device.id}&code=KEY_UNDECLARED`)
  const steps = refusals.body.items.map(({ step, protocol }: { step: string; protocol: string }) => [step, protocol])
  expect(steps).toContainEqual(['type', 'mqtt'])
  expect(steps).toContainEqual(['type', 'http'])
})

test('a type that is not strict stores what does not fit; made strict it refuses from the next message on', async () => {
  await createType({ id: 'loose', keys })
  const device = await createOf('loose')
  const client = await connectMqtt(server.port, device)
  const topic = `devices/${device.id}/telemetry`
  await client.mqtt.publishAsync(topic, '{"temperature":500,"colour":"red"}', { qos: 1 })
  expect(await latest(device)).toMatchObject({ temperature: { value: 500 }, colour: { value: 'red' } })
  expect((await api.put('/api/v1/types/loose', { keys, strict: true })).body).toMatchObject({
    strict: true,
    version: 2,
  })
  await expect(client.mqtt.publishAsync(topic, '{"colour":"red"}', { qos: 1 })).rejects.toMatchObject({ code: 0x99 })
  expect((await api.delete('/api/v1/types/loose')).body.code).toBe('TYPE_IN_USE')
  await client.end()
})

test('a type with the codec cbor takes CBOR over MQTT; by content type any device may send it over HTTP', async () => {
  await createType({ id: 'cbor', codec: 'cbor' })
  const device = await createOf('cbor')
  // {"t": 21.5, "n": [1, 2]}
  const cbor = Uint8Array.from([0xa2, 0x61, 0x74, 0xf9, 0x4d, 0x60, 0x61, 0x6e, 0x82, 1, 2])
  expect(await publish(device, cbor)).toEqual({ puback: 0 })
  expect(await latest(device)).toMatchObject({ t: { value: 21.5 }, n: { value: [1, 2] } })
  expect(await publish(device, '{"t":1}')).toEqual({ puback: 0x99 })
  expect(await publish(device, Uint8Array.from([0x18, 42]), 5, '/answer')).toEqual({ puback: 0 })
  expect(await latest(device)).toMatchObject({ answer: { value: 42 } })
  const plain = await createOf('default')
  const answer = await fetch(`${server.url}/v1/devices/${plain.id}/telemetry`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${plain.id}:${plain.secret}`)}`, 'content-type': 'application/cbor' },
    body: cbor,
  })
  expect(answer.status).toBe(204)
  expect(await latest(plain)).toMatchObject({ t: { value: 21.5 } })
})

test('a type with the codec scalar takes one value as plain text', async () => {
  await createType({ id: 'scalar', codec: 'scalar' })
  const device = await createOf('scalar')
  expect(await publish(device, '21.5')).toEqual({ puback: 0 })
  const values = Object.values(await latest(device)).map(({ value }) => value)
  expect(values).toEqual([21.5])
})

test('the plain topics take a scalar or JSON, and sensors only a number', async () => {
  const device = await createOf('default')
  const http = createDeviceHttp(server.url, device)
  const post = async (topic: string, body: string) => (await http(topic, body)).status
  expect(await post(`devices/${device.id}/telemetry/door`, '"open"')).toBe(204)
  expect(await post(`devices/${device.id}/telemetry/flag`, 'true')).toBe(204)
  expect(await post(`devices/${device.id}/telemetry/box`, '{"a":[1]}')).toBe(204)
  expect(await post(`sensors/${device.id}/temperature`, '21.5')).toBe(204)
  expect(await post(`sensors/${device.id}/temperature`, '"warm"')).toBe(422)
  expect(await post(`sensors/${device.id}/temperature`, 'warm')).toBe(400)
  expect(await post(`devices/${device.id}/telemetry`, '5')).toBe(422)
  const got = await latest(device)
  expect(Object.fromEntries(Object.entries(got).map(([key, { value }]) => [key, value]))).toEqual({
    door: 'open',
    flag: true,
    box: { a: [1] },
    temperature: 21.5,
  })
})

test('types are validated, found and versioned; a device of an unknown type is 422', async () => {
  expect((await api.post('/api/v1/devices', { id: 'x', type: 'no-such' })).body).toMatchObject({
    status: 422,
    code: 'TYPE_UNKNOWN',
    errors: [{ path: '/type' }],
  })
  for (const body of [
    { id: 'bad', keys: [{ key: 'a', minimum: 2, maximum: 1 }] },
    { id: 'bad', keys: [{ key: 'a' }, { key: 'a' }] },
    { id: 'bad', heartbeatSeconds: 1 },
    { id: 'bad', colour: 'red' },
  ]) {
    expect([body, (await api.post('/api/v1/types', body)).status]).toEqual([body, 422])
  }
  expect((await api.post('/api/v1/types', { id: 'strict' })).status).toBe(409)
  expect((await api.get('/api/v1/types/strict')).body).toMatchObject({ heartbeatSeconds: 300, codec: 'json', keys })
  expect((await api.delete('/api/v1/types/default')).status).toBeGreaterThanOrEqual(400)
})

test('a type says how long each key is kept, and hears what it said', async () => {
  const retention = {
    rawDays: 30,
    tiers: { hourDays: 365 },
    keys: [
      { key: 'temperature', rawDays: 365 },
      { key: '__proto__', rawDays: 1, tiers: { minuteDays: 2 } },
    ],
  }
  await createType({ id: 'kept', keys, retention })
  expect((await api.get('/api/v1/types/kept')).body.retention).toEqual(retention)
  const refused = await api.post('/api/v1/types', { id: 'bad', retention: { keys: [{ key: 'x', rawDays: 0 }] } })
  expect(refused.status).toBe(422)
})
