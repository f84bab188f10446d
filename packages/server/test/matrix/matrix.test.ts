import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { awaitCoap } from '../harness/coap-load.ts'
import { makeDataFolder, type ServerProcess, startServer } from '../harness/server-process.ts'
import { amqpRows } from './amqp-rows.ts'
import { coapRows } from './coap-rows.ts'
import { grpcRows } from './grpc-rows.ts'
import { httpRows } from './http-rows.ts'
import { mosquittoRows } from './mosquitto-rows.ts'
import { mqttRows } from './mqtt-rows.ts'
import { toPage } from './page.ts'
import type { Credentials, Place, Row } from './row.ts'
import { webSocketRows } from './websocket-rows.ts'

const rows = [mqttRows, mosquittoRows, httpRows, webSocketRows, coapRows, amqpRows, grpcRows].flat()
const titleOf = ({ protocol, transport, client }: Row) => `${protocol} over ${transport} (${client})`
const idOf = (row: Row) => titleOf(row).replaceAll(/\W+/g, '-')

let data: Awaited<ReturnType<typeof makeDataFolder>>
let folder: string
let server: ServerProcess
let api: Api
let place: Place

const start = async (): Promise<void> => {
  server = await startServer({ data: data.path })
  api = createApi(server.url)
  const caFile = join(data.path, 'tls', 'ca.crt')
  place = { port: server.port, ca: await readFile(caFile), caFile, folder }
  await awaitCoap(server.port)
}
const newKey = async (id: string): Promise<string> =>
  (await api.post(`/api/v1/devices/${id}/credentials`, { kind: 'psk' })).body.preSharedKey.key
const newDevice = async (id: string): Promise<Credentials> => ({
  ...(await createDevice(api, id)),
  preSharedKey: await newKey(id),
})

beforeAll(async () => {
  data = await makeDataFolder()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-matrix-'))
  await start()
  await createDevice(api, 'foreign')
})
afterAll(async () => {
  await server.stop()
  await data.remove()
  await rm(folder, { recursive: true })
})

/** Devices that have logged in before: whoever has not is slowed down after this many wrong secrets of one address. */
const entered = new Map<Row, Credentials>()

const large = JSON.stringify({ text: 'x'.repeat(300_000) })
const deep = `{"a":${'['.repeat(33)}${']'.repeat(33)}}`

for (const row of rows) {
  const { answers } = row
  describe.skipIf(!row.here)(titleOf(row), () => {
    let device: Credentials
    let own: { topic: string; payload: string }
    const publish = (payload: string, topic = own.topic) => row.publish(place, device, { topic, payload })
    const latest = async () => (await api.get(`/api/v1/devices/${device.id}/latest`)).body

    beforeAll(async () => {
      device = await newDevice(idOf(row))
      own = { topic: `devices/${device.id}/telemetry`, payload: '{"own":21.5}' }
    })

    test('connect', async () => expect(await row.connect(place, device, own)).toBe(answers.connect))
    test('wrong secret', async () => {
      const wrong = { ...device, secret: 'wrong', preSharedKey: 'wrong' }
      expect(await row.connect(place, wrong, { ...own, payload: '{"stranger":1}' })).toBe(answers['wrong secret'])
      expect(await latest()).not.toHaveProperty('stranger')
    })
    test('own topic', async () => {
      expect(await publish('{"own":21.5}')).toBe(answers['own topic'])
      expect((await latest()).own.value).toBe(21.5)
    })
    test('foreign topic', async () => {
      expect(await publish('{"foreign":1}', 'devices/foreign/telemetry')).toBe(answers['foreign topic'])
    })
    test('too large', async () => expect(await publish(large)).toBe(answers['too large']))
    test('too deep', async () => expect(await publish(deep)).toBe(answers['too deep']))
    test('command down, reply up', async () => {
      const path = `/api/v1/devices/${device.id}/commands`
      const { id } = (await api.post(path, { name: 'open', params: { percent: 40 } })).body
      expect(await row.takeCommand(place, device)).toEqual({ id, name: 'open', params: { percent: 40 } })
      const state = async () => (await api.get(`${path}/${id}`)).body.state
      await expect.poll(state).toBe(answers['command down'])
      expect(await publish('{"ok":true}', `devices/${device.id}/commands/${id}/reply`)).toBe(answers['own topic'])
      expect(await state()).toBe(answers['reply up'])
    })
    test('revoked', async () => {
      const old = device
      const { password } = (await api.post(`/api/v1/devices/${old.id}/credentials`)).body.credentials
      device = { ...old, secret: password, preSharedKey: await newKey(old.id) }
      expect(await row.connect(place, old, { ...own, payload: '{"revoked":1}' })).toBe(answers.revoked)
      expect(await row.connect(place, device, own)).toBe(answers.connect)
      const stored = await latest()
      expect(Object.keys(stored)).toEqual(['own'])
      entered.set(row, device)
    })
  })
}

test('kill -9 after ack: all that was acknowledged is there', { timeout: 60_000 }, async () => {
  const here = rows.filter((row) => row.here)
  const devices = await Promise.all(here.map((row) => entered.get(row) ?? newDevice(`kill-${idOf(row)}`)))
  const said = await Promise.all(
    here.map((row, i) => {
      const { id } = devices[i]!
      return row.publish(place, devices[i]!, { topic: `devices/${id}/telemetry`, payload: '{"kept":7}' })
    }),
  )
  await server.kill()
  expect(said).toEqual(here.map(({ answers }) => answers['own topic']))
  await start()
  const stored = await Promise.all(devices.map(({ id }) => api.get(`/api/v1/devices/${id}/latest`)))
  const states = stored.map(({ body }) => (body.kept?.value === 7 ? 'stored' : 'lost'))
  expect(states).toEqual(here.map(({ answers }) => answers['kill -9 after ack']))
})

test('the page shows what is expected here', async () => {
  const page = new URL('../../../../docs/protocols/matrix.md', import.meta.url).pathname
  await expect(toPage(rows)).toMatchFileSnapshot(page)
})
