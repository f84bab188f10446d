import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { freePort } from '../harness/gateway-folder.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { type MosquittoServer, noMosquitto, startMosquitto } from '../harness/mosquitto-server.ts'
import { connectMqtt, type TestClient } from '../harness/mqtt-client.ts'
import { isLong } from '../harness/random.ts'
import { testKey } from '../harness/server-process.ts'

const instance = (name: string): string => `/api/v1/plugins/bridge-mqtt/instances/${name}`
const nobody = { id: 'tester', secret: 'none' }
const qosOf = [0, 1, 2] as const

let server: InProcess
let api: Api
let device: TestDevice
let remote: MosquittoServer
let there: TestClient
let here: TestClient

const publish = (client: TestClient, topic: string, payload: string, qos: 0 | 1 | 2 = 1, retain = false) =>
  client.mqtt.publishAsync(topic, payload, { qos, retain })
const put = async (name: string, config: object, more: object = {}): Promise<any> => {
  const { status, body } = await api.put(instance(name), {
    ...more,
    config: { url: `mqtt://127.0.0.1:${remote.port}`, clientId: `patchbay-${name}`, ...config },
  })
  expect([status, JSON.stringify(body)]).toEqual([200, expect.any(String)])
  return body
}
const show = async (name: string): Promise<any> => (await api.get(instance(name))).body
const drain = (name: string): Promise<void> =>
  vi.waitFor(async () => expect(await show(name)).toMatchObject({ state: 'running', lag: { records: 0 } }), {
    timeout: 20_000,
    interval: 50,
  })
const remove = (name: string) => api.delete(instance(name))

beforeAll(async () => {
  if (noMosquitto) return
  remote = await startMosquitto()
  server = await startInProcess({
    bundled: bundledPlugins.filter(({ manifestFile }) =>
      /adapter-mqtt|adapter-http|bridge-mqtt/.test(String(manifestFile)),
    ),
  })
  api = createApi(server.url)
  for (const plugin of ['adapter-mqtt', 'adapter-http'])
    await api.put(`/api/v1/plugins/${plugin}/instances/default`, { config: {} })
  device = await createDevice(api, 'boiler-1')
  there = await connectMqtt(remote.port, nobody)
  here = await connectMqtt(server.port, device)
}, 60_000)
afterAll(async () => {
  await here?.end()
  await there?.end()
  await server?.close()
  await remote?.stop()
}, 30_000)

const word = noMosquitto === undefined ? '' : `, ${noMosquitto}`

test.skipIf(noMosquitto !== undefined)(
  `messages go out and come in under other topics, with their QoS${word}`,
  async () => {
    await put('both', {
      out: [{ from: 'devices/+/telemetry', to: 'plant1/+/data' }],
      in: [{ from: 'cloud/#', to: 'devices/boiler-1/cloud/#' }],
    })
    await there.mqtt.subscribeAsync('plant1/#', { qos: 2 })
    await here.mqtt.subscribeAsync('devices/boiler-1/cloud/#', { qos: 2 })
    for (const qos of qosOf) {
      await publish(here, 'devices/boiler-1/telemetry', `{"n":${qos}}`, qos)
      await publish(there, 'cloud/setting/speed', `${qos}`, qos)
    }
    await vi.waitFor(() => expect([there.got.length, here.got.length]).toEqual([3, 3]), { timeout: 5000 })
    const seen = (client: TestClient) => client.got.map(({ topic, text, packet }) => [topic, text, packet.qos])
    expect(seen(there)).toEqual(qosOf.map((qos) => ['plant1/boiler-1/data', `{"n":${qos}}`, qos]))
    expect(seen(here)).toEqual(qosOf.map((qos) => ['devices/boiler-1/cloud/setting/speed', `${qos}`, qos]))
    await drain('both')
    expect(await show('both')).toMatchObject({
      sent: 3,
      refused: 0,
      bridge: { received: 3, refused: 0, looped: 0, shed: 0 },
    })
    await remove('both')
    there.got.length = 0
    here.got.length = 0
  },
)

test.skipIf(noMosquitto !== undefined)(
  `readings of the other side are stored before they are acknowledged to it${word}`,
  async () => {
    await put('readings', { in: [{ from: 'fleet/+/t', to: 'sensors/+/temperature', qos: '1' }] })
    await publish(there, 'fleet/boiler-1/t', '21.5')
    await publish(there, 'fleet/unknown-9/t', '22.5')
    await vi.waitFor(async () => expect((await show('readings')).bridge).toMatchObject({ received: 1, refused: 1 }))
    expect((await readAll(api, 'boiler-1', 'temperature')).map(({ value }) => value)).toEqual([21.5])
    expect((await api.get('/api/v1/refusals?limit=5')).body.items[0]).toMatchObject({
      protocol: 'bridge-mqtt/readings',
      topic: 'sensors/unknown-9/temperature',
      code: 'DEVICE_UNKNOWN',
    })
    await put('readings', {
      createDevices: {},
      in: [{ from: 'fleet/+/t', to: 'sensors/+/temperature', qos: '1' }],
    })
    for (const n of [1, 2, 3]) await publish(there, 'fleet/unknown-9/t', `${n}`)
    await publish(there, 'fleet/no device/t', '4')
    await vi.waitFor(async () => expect((await show('readings')).bridge).toMatchObject({ received: 4, refused: 2 }))
    expect((await readAll(api, 'unknown-9', 'temperature')).map(({ value }) => value)).toEqual([1, 2, 3])
    await remove('readings')
  },
)

test.skipIf(noMosquitto !== undefined)(
  `what is published while the broker is away waits on the disk and goes in order, a restart between${word}`,
  async () => {
    await put('away', { out: [{ from: 'devices/+/line/#', to: 'away/+/#' }] })
    await there.mqtt.subscribeAsync('away/#', { qos: 1 })
    for (let n = 0; n < 50; n++) await publish(here, 'devices/boiler-1/line/a', `${n}`)
    await drain('away')
    await remote.kill()
    for (let n = 50; n < 100; n++) await publish(here, 'devices/boiler-1/line/a', `${n}`)
    await vi.waitFor(async () => expect(await show('away')).toMatchObject({ state: 'degraded', lag: { records: 50 } }))
    await api.post(`${instance('away')}/restart`)
    for (let n = 100; n < 150; n++) await publish(here, 'devices/boiler-1/line/a', `${n}`)
    await remote.start()
    await there.end()
    there = await connectMqtt(remote.port, nobody)
    await there.mqtt.subscribeAsync('away/#', { qos: 1 })
    await drain('away')
    const numbers = there.got.map(({ text }) => Number(text))
    // Those that came before the subscription are lost at the other end, where nobody listened.
    const first = numbers[0] ?? 0
    expect(numbers).toEqual(Array.from({ length: 150 - first }, (_, n) => first + n))
    expect(await show('away')).toMatchObject({ sent: 150, bridge: { turnedAway: 0 } })
    await remove('away')
  },
)

test.skipIf(noMosquitto !== undefined)(
  `other settings are taken while messages come, and none is lost or overtaken${word}`,
  async () => {
    await there.mqtt.subscribeAsync('move/#', { qos: 1 })
    there.got.length = 0
    const settings = (to: string) => put('move', { out: [{ from: 'devices/+/moving', to }] })
    await settings('move/1')
    const end = new AbortController()
    let sent = 0
    const publishing = (async () => {
      while (!end.signal.aborted) await publish(here, 'devices/boiler-1/moving', String(sent++))
    })()
    for (const to of ['move/2', 'move/3', 'move/4']) {
      await vi.waitFor(() => expect(there.got.at(-1)?.topic).toBe(`move/${Number(to.at(-1)) - 1}`))
      await settings(to)
    }
    end.abort()
    await publishing
    await drain('move')
    await vi.waitFor(() => expect(new Set(there.got.map(({ text }) => text)).size).toBe(sent))
    const firsts = [...new Set(there.got.map(({ text }) => Number(text)))]
    expect(firsts).toEqual(Array.from({ length: sent }, (_, n) => n))
    expect(new Set(there.got.map(({ topic }) => topic)).size).toBeGreaterThan(2)
    await remove('move')
  },
)

test.skipIf(noMosquitto !== undefined)(
  `two bridges that make a loop are stopped at the first round${word}`,
  async () => {
    await put('loop-out', { out: [{ from: 'loop/#', to: 'ring/#' }] })
    await put('loop-in', { in: [{ from: 'ring/#', to: 'loop/#' }] })
    await there.mqtt.subscribeAsync('ring/#')
    there.got.length = 0
    await api.post('/api/v1/messages', { topic: 'loop/a', payload: 'once', qos: 1 })
    await vi.waitFor(async () => expect((await show('loop-in')).bridge).toMatchObject({ received: 0, looped: 1 }))
    // Another topic here is no loop.
    await put('loop-in', { in: [{ from: 'ring/#', to: 'copy/#' }] })
    await api.post('/api/v1/messages', { topic: 'loop/a', payload: 'twice', qos: 1 })
    await vi.waitFor(async () => expect((await show('loop-in')).bridge).toMatchObject({ received: 1, looped: 1 }))
    await drain('loop-out')
    expect(there.got.map(({ text }) => text)).toEqual(['once', 'twice'])
    await remove('loop-out')
    await remove('loop-in')
  },
)

test.skipIf(noMosquitto !== undefined)(`what would come straight back is refused when it is saved${word}`, async () => {
  const config = {
    url: `mqtt://127.0.0.1:${remote.port}`,
    clientId: 'echo',
    out: [{ from: 'echo/#' }],
    in: [{ from: 'echo/+' }],
  }
  const { status, body } = await api.put(instance('echo'), { config: { ...config, version: '3.1.1' } })
  expect([status, body.errors?.[0]?.path]).toEqual([422, '/config/in/0/from'])
  // MQTT 5 lets the broker leave out what it has from this side, and so does Mosquitto where it knows a bridge.
  await put('echo', { ...config, preset: 'mosquitto', version: '3.1.1' })
  await there.mqtt.subscribeAsync('echo/#')
  there.got.length = 0
  await api.post('/api/v1/messages', { topic: 'echo/a', payload: 'as a bridge', qos: 1 })
  await publish(there, 'echo/b', 'first')
  await vi.waitFor(async () => expect((await show('echo')).bridge).toMatchObject({ received: 1, looped: 0 }))
  await put('echo', config)
  await api.post('/api/v1/messages', { topic: 'echo/a', payload: 'here', qos: 1 })
  await publish(there, 'echo/b', 'there')
  await vi.waitFor(async () => expect((await show('echo')).bridge).toMatchObject({ received: 2, looped: 0 }))
  await drain('echo')
  expect(there.got.map(({ text }) => text).toSorted()).toEqual(['as a bridge', 'first', 'here', 'there'])
  await remove('echo')
})

test.skipIf(noMosquitto !== undefined)(
  `another Patchbay is reached by TLS; its refusal of a wrong password is told in its words${word}`,
  async () => {
    const ca = await readFile(join(server.data, 'tls', 'ca.crt'), 'utf8')
    const config = {
      url: `mqtts://localhost:${server.port}`,
      clientId: 'patchbay-tls',
      username: device.id,
      password: 'not-the-secret-of-it',
      tls: { ca },
      out: [{ from: 'up/#', to: 'devices/boiler-1/up/#' }],
    }
    const wrong = await put('tls', config)
    expect(wrong).toMatchObject({ state: 'degraded', status: { text: expect.stringContaining('0x86') } })
    const asked = await api.post(`${instance('tls')}/test`, { config })
    expect(asked.body).toMatchObject({ ok: false, text: expect.stringContaining('0x86') })
    expect(JSON.stringify([wrong, asked.body, server.lines])).not.toContain('not-the-secret-of-it')
    expect(await put('tls', { ...config, tls: {} })).toMatchObject({
      state: 'degraded',
      status: { text: expect.stringContaining('certificate') },
    })
    expect(await put('tls', { ...config, password: device.secret })).toMatchObject({ state: 'running' })
    await here.mqtt.subscribeAsync('devices/boiler-1/up/#')
    here.got.length = 0
    await api.post('/api/v1/messages', { topic: 'up/a', payload: 'through TLS', qos: 1 })
    expect(await here.next()).toMatchObject({ topic: 'devices/boiler-1/up/a', text: 'through TLS' })
    await remove('tls')
  },
)

test.skipIf(noMosquitto !== undefined)(
  `a full queue does not acknowledge, counts, and takes all again when there is room${word}`,
  async () => {
    await remote.kill()
    await put('full', { queueMb: 1, out: [{ from: 'bulk/#' }] })
    const payload = 'x'.repeat(100_000)
    const send = async () => (await api.post('/api/v1/messages', { topic: 'bulk/a', payload, qos: 1 })).status
    let taken = 0
    let status = await send()
    for (; status === 204; status = await send()) taken += 1
    expect(status).toBe(503)
    expect(taken).toBe(10)
    expect(await show('full')).toMatchObject({ lag: { records: 10 }, bridge: { turnedAway: 1, shed: 0 } })
    await api.post('/api/v1/messages', { topic: 'bulk/a', payload, qos: 0 })
    await vi.waitFor(async () => expect((await show('full')).bridge).toMatchObject({ turnedAway: 1, shed: 1 }))
    await remote.start()
    await vi.waitFor(async () => expect(await send()).toBe(204), { timeout: 15_000 })
    await drain('full')
    expect(await show('full')).toMatchObject({ sent: 11 })
    await remove('full')
  },
)

test.skipIf(noMosquitto !== undefined)(
  `stored readings go out in place of messages, thinned to what changes${word}`,
  async () => {
    await there.end()
    there = await connectMqtt(remote.port, nobody)
    const readings = { topic: 'thin/{device}/{type}', thin: 'change', deadBand: 1 }
    await createDevice(api, 'boiler-2')
    await put(
      'thin',
      { readings },
      { select: { devices: ['boiler-1'], keys: ['t', 'open'] }, delivery: { wait: '10ms' } },
    )
    await there.mqtt.subscribeAsync('thin/#', { qos: 1 })
    there.got.length = 0
    const send = (n: number, values: object) =>
      publish(here, 'devices/boiler-1/telemetry', JSON.stringify({ ts: 1_764_500_000_000 + n, values }))
    for (const [n, t] of [20, 20.5, 21, 21.5, 21.5, 30].entries()) await send(n, { t, open: n > 3, other: n })
    await drain('thin')
    expect(there.got.map(({ topic, text }) => [topic, JSON.parse(text)])).toEqual([
      ['thin/boiler-1/default', { ts: 1_764_500_000_000, values: { t: 20, open: false } }],
      ['thin/boiler-1/default', { ts: 1_764_500_000_003, values: { t: 21.5 } }],
      ['thin/boiler-1/default', { ts: 1_764_500_000_004, values: { open: true } }],
      ['thin/boiler-1/default', { ts: 1_764_500_000_005, values: { t: 30 } }],
    ])
    await remote.kill()
    await send(10, { t: 40 })
    await vi.waitFor(async () => expect(await show('thin')).toMatchObject({ state: 'degraded', lag: { records: 1 } }))
    await remote.start()
    await drain('thin')
    expect((await show('thin')).deliveryStatus).toMatchObject({ refused: 0, gone: 0 })
    await remove('thin')
  },
)

test.skipIf(noMosquitto !== undefined || !isLong)(
  `averages of an interval go out when it has ended${word}${isLong ? '' : ', skipped, only in the long run'}`,
  { timeout: 60_000 },
  async () => {
    await there.end()
    there = await connectMqtt(remote.port, nobody)
    await put(
      'mean',
      { readings: { topic: 'mean/{device}', thin: 'average', interval: '1s' } },
      { delivery: { wait: '10ms' } },
    )
    await there.mqtt.subscribeAsync('mean/#', { qos: 1 })
    const at = 1_764_600_000_000
    for (let n = 0; n < 20; n++)
      await publish(here, 'devices/boiler-1/telemetry', JSON.stringify({ ts: at + n * 100, values: { t: n } }))
    await vi.waitFor(() => expect(there.got).toHaveLength(2), { timeout: 20_000 })
    expect(there.got.map(({ text }) => JSON.parse(text))).toEqual([
      { ts: at, values: { t: 4.5 } },
      { ts: at + 1000, values: { t: 14.5 } },
    ])
    await remove('mean')
  },
)

test.skipIf(noMosquitto !== undefined || spawnSync('mosquitto_sub', ['--help']).error !== undefined)(
  `the lines of the page lead from nothing to data at another broker${word}`,
  async () => {
    const code = (await docCode('bridges.md', 'sh'))
      .replaceAll(':8080', `:${server.port}`)
      .replaceAll('18831', String(await freePort()))
    const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`
    const env = { ...process.env, PATH, PATCHBAY_API_KEY: testKey }
    const { stdout } = await promisify(execFile)('sh', ['-e', '-c', code], { env, timeout: 15_000 })
    expect(stdout).toContain('plant1/boiler-21/telemetry {"temperature": 21.5}')
    await remove('plant1')
  },
)
