import { execFile, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi, createDevice, type Api, type TestDevice } from '../harness/api.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'

const has = (program: string): boolean => spawnSync('which', [program]).status === 0

interface Run {
  code: number
  out: string
}
const run = (program: string, args: string[]): Promise<Run> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: 15_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, out: stdout + stderr }),
    )
  })

let server: ServerProcess
let api: Api
let device: TestDevice
let data: Awaited<ReturnType<typeof makeDataFolder>>

beforeAll(async () => {
  data = await makeDataFolder()
  server = await startServer({ data: data.path })
  api = createApi(server.url)
  device = await createDevice(api, 'boiler-1')
  await createDevice(api, 'boiler-2')
})
afterAll(async () => {
  const stopped = await server.stop()
  expect(stopped.code, server.output()).toBe(0)
  expect(stopped.ms).toBeLessThan(10_000)
  await data.remove()
})

const latest = async () => (await api.get(`/api/v1/devices/${device.id}/latest`)).body
const lastRefusal = async () => (await api.get('/api/v1/refusals?limit=1')).body.items[0]

describe.skipIf(!has('mosquitto_pub'))('a first device with mosquitto_pub', () => {
  const publish = (topic: string, secret: string, message: string, more: string[] = []) =>
    run('mosquitto_pub', [
      '-h',
      '127.0.0.1',
      '-p',
      String(server.port),
      '-u',
      device.id,
      '-P',
      secret,
      '-q',
      '1',
      '-t',
      topic,
      '-m',
      message,
      ...more,
    ])

  test('publishes at QoS 1 and the value is read back', async () => {
    expect(await publish('devices/boiler-1/telemetry', device.secret, '{"temperature":21.5}')).toMatchObject({
      code: 0,
    })
    expect((await latest()).temperature.value).toBe(21.5)
  })
  test('publishes with MQTT 5 over TLS on the same port', async () => {
    const ca = `${data.path}/tls/ca.crt`
    const sent = await publish('devices/boiler-1/telemetry/pressure', device.secret, '1.25', [
      '-V',
      '5',
      '--cafile',
      ca,
    ])
    expect(sent).toMatchObject({ code: 0 })
    expect((await latest()).pressure.value).toBe(1.25)
  })
  test('is refused with a wrong secret, and the API says why', async () => {
    const sent = await publish('devices/boiler-1/telemetry', 'wrong', '{"temperature":1}')
    expect(sent.code).not.toBe(0)
    await expect.poll(async () => (await lastRefusal())?.code).toBe('CREDENTIALS_WRONG')
    expect(await lastRefusal()).toMatchObject({
      device: 'boiler-1',
      action: 'connect',
      protocol: 'mqtt',
      step: 'credentials',
    })
  })
  test('is refused on a foreign topic, and the API says why', async () => {
    await publish('devices/boiler-2/telemetry', device.secret, '{"temperature":1}', ['-V', '5'])
    await expect.poll(async () => (await lastRefusal())?.code).toBe('TOPIC_FORBIDDEN')
    expect(await lastRefusal()).toMatchObject({
      device: 'boiler-1',
      action: 'publish',
      topic: 'devices/boiler-2/telemetry',
    })
    expect((await api.get('/api/v1/devices/boiler-2/latest')).body).toEqual({})
  })
})

describe.skipIf(!has('curl'))('a first device with curl', () => {
  const post = (topic: string, secret: string, message: string) =>
    run('curl', [
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-u',
      `${device.id}:${secret}`,
      '-d',
      message,
      `${server.url}/v1/${topic}`,
    ])

  test('posts and the value is read back', async () => {
    expect(await post('devices/boiler-1/telemetry', device.secret, '{"temperature":22.5}')).toEqual({
      code: 0,
      out: '204',
    })
    expect((await latest()).temperature.value).toBe(22.5)
  })
  test('is refused with a wrong secret and on a foreign topic, and the API says why', async () => {
    expect(await post('devices/boiler-1/telemetry', 'wrong', '{"temperature":1}')).toEqual({ code: 0, out: '401' })
    await expect.poll(lastRefusal).toMatchObject({ protocol: 'http', action: 'connect', code: 'CREDENTIALS_WRONG' })
    expect(await post('devices/boiler-2/telemetry', device.secret, '{"temperature":1}')).toEqual({
      code: 0,
      out: '403',
    })
    await expect.poll(lastRefusal).toMatchObject({ protocol: 'http', action: 'publish', code: 'TOPIC_FORBIDDEN' })
  })
})

test('the tester explains a decision without a try', async () => {
  const own = await api.post('/api/v1/devices/boiler-1/access/test', {
    action: 'publish',
    topic: 'devices/boiler-1/telemetry',
  })
  expect(own.body).toMatchObject({ allowed: true, step: 'built-in' })
  const foreign = await api.post('/api/v1/devices/boiler-1/access/test', {
    action: 'publish',
    topic: 'devices/boiler-2/telemetry',
  })
  expect(foreign.body).toMatchObject({ allowed: false, step: 'default' })
})
