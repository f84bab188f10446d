import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { noMongo, openDatabase, type TestDatabase } from '../harness/mongo-server.ts'
import { publishOnce } from '../harness/publish-once.ts'
import { makeDataFolder, runToExit, startServer } from '../harness/server-process.ts'

const secret = 'do-not-show-this'
let data: Awaited<ReturnType<typeof makeDataFolder>>
beforeAll(async () => {
  data = await makeDataFolder()
})
afterAll(() => data.remove())

test('a MongoDB that is not there is said in one sentence, without the password', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  taken.close()
  await once(taken, 'close')
  const url = `mongodb://ada:${secret}@127.0.0.1:${port}/things?authSource=admin`
  const { code, text } = await runToExit({ data: data.path, env: { MONGODB_URL: url } })
  expect(text).toContain(`Cannot open the store at mongodb://127.0.0.1:${port}/things: MongoDB cannot do this now`)
  expect(text).not.toContain(secret)
  expect(code).toBe(1)
})

test('an address that the driver cannot read is a bad setting, and its password stays hidden', async () => {
  const url = `mongodb://ada:${secret}/x@h/things`
  const { code, text } = await runToExit({ data: data.path, env: { MONGODB_URL: url } })
  expect(text).toMatch(/^MONGODB_URL .*\.\n$/)
  expect(text).not.toContain(secret)
  expect(code).toBe(2)
})

describe.skipIf(noMongo !== undefined)(`the platform on MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  test(
    'takes MQTT and HTTP, raises an alert, feeds a sink, and has it all after a restart',
    { timeout: 60_000 },
    async () => {
      const env = { MONGODB_URL: database.url }
      let server = await startServer({ data: data.path, env })
      onTestFinished(() => server.kill())
      let api = createApi(server.url)
      const device = await createDevice(api, 'boiler-1')
      const files = '/api/v1/plugins/sink-file/instances/main'
      expect((await api.put(files, { delivery: { from: 'beginning', wait: '10ms' }, config: {} })).status).toBe(200)
      const rule = { name: 'hot', levels: [{ severity: 'major', when: 'temperature > 90.0' }] }
      expect((await api.post('/api/v1/rules', rule)).status).toBe(201)
      const sent = await publishOnce({
        port: server.port,
        version: 5,
        username: device.id,
        password: device.secret,
        topic: 'devices/boiler-1/telemetry',
        payload: '{"temperature":95}',
      })
      expect(sent).toEqual({ puback: 0 })
      const posted = await fetch(`${server.url}/v1/devices/${device.id}/telemetry`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${btoa(`${device.id}:${device.secret}`)}`,
          'content-type': 'application/json',
        },
        body: '{"pressure":1.5}',
      })
      expect(posted.status).toBe(204)

      const look = async () => {
        const latest = (await api.get('/api/v1/devices/boiler-1/latest')).body
        const alerts = (await api.get('/api/v1/alerts?device=boiler-1')).body.items
        const { lag, sent } = (await api.get(files)).body
        return {
          temperature: latest.temperature?.value,
          pressure: latest.pressure?.value,
          alerts: alerts.map(({ state, severity }: { state: string; severity: string }) => ({ state, severity })),
          sink: { lag, sent },
        }
      }
      const all = {
        temperature: 95,
        pressure: 1.5,
        alerts: [{ state: 'open', severity: 'major' }],
        sink: { lag: { records: 0, seconds: 0 }, sent: 2 },
      }
      await expect.poll(look, { timeout: 10_000 }).toEqual(all)
      const storage = (await api.get('/api/v1/system/storage')).body
      expect(storage.store).toMatchObject({ kind: 'mongodb', state: 'ready' })
      expect(storage.store.address).not.toContain('@')
      expect((await server.stop()).code).toBe(0)

      server = await startServer({ data: data.path, env })
      api = createApi(server.url)
      expect(await look()).toEqual(all)
      expect((await api.get('/readyz')).body).toEqual({ ready: true, reasons: [] })
    },
  )
})
