import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'

let server: InProcess
let api: Api
let count = 0

const freshDevice = () => createDevice(api, `lamp-${++count}`)
const desire = (device: TestDevice, desired: unknown, version?: number) =>
  api.patch(`/api/v1/devices/${device.id}/shadow`, version === undefined ? { desired } : { desired, version })
const read = async (device: TestDevice) => (await api.get(`/api/v1/devices/${device.id}/shadow`)).body

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

test('a device hears what is desired when it subscribes and when it changes, and reports by MQTT', async () => {
  const device = await freshDevice()
  expect(await read(device)).toEqual({ desired: {}, reported: {}, delta: {}, version: 0 })
  expect((await desire(device, { on: true, color: { red: 1, blue: 2 } })).status).toBe(200)
  const client = await connectMqtt(server.port, device)
  await client.mqtt.subscribeAsync(`devices/${device.id}/shadow/desired`, { qos: 1 })
  const first = await client.next()
  expect(first.topic).toBe(`devices/${device.id}/shadow/desired`)
  expect(JSON.parse(first.text)).toEqual({ delta: { on: true, color: { red: 1, blue: 2 } }, version: 1 })

  const reported = `devices/${device.id}/shadow/reported`
  await client.mqtt.publishAsync(reported, '{"on":true,"color":{"red":1},"firmware":"1.2"}', { qos: 1 })
  expect(await read(device)).toMatchObject({
    reported: { on: true, color: { red: 1 }, firmware: '1.2' },
    delta: { color: { blue: 2 } },
    version: 1,
  })
  const before = client.got.length
  await desire(device, { color: { blue: 3 }, on: null })
  const second = await client.next(before)
  expect(JSON.parse(second.text)).toEqual({ delta: { color: { blue: 3 } }, version: 2 })

  await client.mqtt.publishAsync(reported, '{"firmware":null,"color":{"blue":3}}', { qos: 1 })
  expect(await read(device)).toEqual({
    desired: { color: { red: 1, blue: 3 } },
    reported: { on: true, color: { red: 1, blue: 3 } },
    delta: {},
    version: 2,
  })
  await client.end()
})

test('a device that only speaks HTTP reads the delta and reports', async () => {
  const device = await freshDevice()
  const http = createDeviceHttp(server.url, device)
  await desire(device, { interval: 60 })
  expect(await http(`devices/${device.id}/shadow/desired`)).toEqual({
    status: 200,
    body: { delta: { interval: 60 }, version: 1 },
  })
  expect((await http(`devices/${device.id}/shadow/reported`, { interval: 60 })).status).toBe(204)
  expect((await http(`devices/${device.id}/shadow/desired`)).body).toEqual({ delta: {}, version: 1 })
})

test('a stale version is 409 and changes nothing; of two racing changes with one version one wins', async () => {
  const device = await freshDevice()
  expect((await desire(device, { a: 1 }, 0)).body.version).toBe(1)
  const stale = await desire(device, { a: 2 }, 0)
  expect(stale).toMatchObject({ status: 409, body: { status: 409 } })
  expect((await read(device)).desired).toEqual({ a: 1 })
  const both = await Promise.all([desire(device, { b: 1 }, 1), desire(device, { b: 2 }, 1)])
  expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 409]))
  expect((await read(device)).version).toBe(2)
})

test('hostile documents are refused or kept as plain keys; an unknown device is 404', async () => {
  const device = await freshDevice()
  expect((await api.patch('/api/v1/devices/nobody/shadow', { desired: {} })).status).toBe(404)
  expect((await api.patch(`/api/v1/devices/${device.id}/shadow`, { desired: [1] })).status).toBe(422)
  const http = createDeviceHttp(server.url, device)
  expect((await http(`devices/${device.id}/shadow/reported`, '[1,2]')).status).toBe(422)
  expect((await http(`devices/${device.id}/shadow/reported`, '{"a":')).status).toBe(400)
  const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`
  expect((await http(`devices/${device.id}/shadow/reported`, deep)).status).toBe(422)
  await http(`devices/${device.id}/shadow/reported`, '{"__proto__":{"polluted":true}}')
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect((await read(device)).desired).toEqual({})
})
