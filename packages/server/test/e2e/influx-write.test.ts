import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundledPlugins } from '../../src/parts/bundled-plugins.ts'
import { type Api, createApi, createDevice, readAll, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { testKey } from '../harness/server-process.ts'

const at = 1_760_000_000
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()
const token = (secret: string) => ({ authorization: `Token ${secret}` })
const telegraf = process.env['TELEGRAF']

let server: InProcess
let api: Api
let boiler: TestDevice
const write = async (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = token(testKey),
  path = '/write?precision=s',
) => {
  const answer = await fetch(server.url + path, { method: 'POST', headers, body })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text), headers: answer.headers }
}
const valuesOf = async (id: string, key: string) => (await readAll(api, id, key)).map(({ value }) => value)

beforeAll(async () => {
  server = await startInProcess({
    bundled: bundledPlugins.filter(({ manifestFile }) => String(manifestFile).includes('adapter-influx')),
  })
  api = createApi(server.url)
  await api.put('/api/v1/plugins/adapter-influx/instances/default', { config: {} })
  boiler = await createDevice(api, 'boiler-1')
  await createDevice(api, 'pump-1')
})
afterAll(() => server?.close())

describe('who may write', () => {
  test.each<[string, (key: string) => [Record<string, string>, string]]>([
    ['Token KEY', (key) => [token(key), '/api/v2/write?org=o&bucket=b&precision=s']],
    ['Token key:KEY', (key) => [token(`key:${key}`), '/write?precision=s']],
    ['Bearer KEY', (key) => [{ authorization: `Bearer ${key}` }, '/write?precision=s']],
    ['Basic', (key) => [{ authorization: `Basic ${btoa(`key:${key}`)}` }, '/write?precision=s']],
    ['u and p', (key) => [{}, `/write?precision=s&u=key&p=${key}`]],
  ])('an API key by %s, and nobody without it', async (_name, by) => {
    const [headers, path] = by(testKey)
    expect(await write(`auth,device=boiler-1 value=1 ${at}`, headers, path)).toMatchObject({ status: 204 })
    const [wrongHeaders, wrongPath] = by('x'.repeat(40))
    const refused = await write(`auth,device=boiler-1 value=2 ${at}`, wrongHeaders, wrongPath)
    expect(refused.status).toBe(401)
    expect(refused.body).toMatchObject({ error: expect.any(String), code: 'unauthorized' })
    expect(await valuesOf('boiler-1', 'auth')).toEqual([1])
  })

  test('a device writes its own, with a tag or without, and nothing for others', async () => {
    const own = token(`boiler-1:${boiler.secret}`)
    expect((await write(`own value=1 ${at}\nown,device=boiler-1 value=2 ${at + 1}`, own)).status).toBe(204)
    expect(await valuesOf('boiler-1', 'own')).toEqual([1, 2])
    const foreign = await write(`own,device=pump-1 value=3 ${at}`, own)
    expect(foreign.status).toBe(403)
    expect(foreign.body.refused).toEqual([{ line: 1, reason: expect.any(String) }])
    expect(await valuesOf('pump-1', 'own')).toEqual([])
    // The name of its host is no device.
    expect((await write(`own,host=raspberry value=4 ${at}`, own)).status).toBe(204)
    expect(await valuesOf('boiler-1', 'own{host=raspberry}.value')).toEqual([4])
  })

  test('a key that may publish one device writes that one', async () => {
    const made = await api.post('/api/v1/api-keys', { name: 'one', publish: ['devices/pump-1/telemetry'] })
    const answer = await write(`k,device=pump-1 value=1 ${at}\nk,device=boiler-1 value=1 ${at}`, token(made.body.key))
    expect(answer).toMatchObject({ status: 400, body: { accepted: 1, refused: [{ line: 2 }] } })
    expect(answer.body.error).toMatch(/^partial write: unable to write 'k,device=boiler-1 value=1 \d+': .* dropped=1$/)
    expect([await valuesOf('pump-1', 'k'), await valuesOf('boiler-1', 'k')]).toEqual([[1], []])
  })
})

test('lines become keys and times as documented', async () => {
  const lines = [
    `temperature,device=boiler-1 value=21.5 ${at}`,
    `motor,device=boiler-1 speed=1200i,running=true,mode="eco, cool" ${at}`,
    `cpu,cpu=cpu0,host=boiler-1 usage=12.5 ${at}`,
    `cpu,cpu=cpu1,host=boiler-1 usage=30 ${at}`,
    `# a comment`,
    `both,device=boiler-1 value=1 ${at}.5`,
  ]
  const answer = await write(gzipSync(lines.join('\n')), { ...token(testKey), 'content-encoding': 'gzip' })
  expect(answer.status).toBe(400)
  expect(answer.body.error).toMatch(/^partial write: unable to parse 'both,.*': bad timestamp dropped=0$/)
  expect(answer.body).toMatchObject({ accepted: 4, refused: [{ line: 6, reason: 'bad timestamp' }] })
  const latest = (await api.get('/api/v1/devices/boiler-1/latest')).body
  for (const [key, value] of Object.entries({
    temperature: 21.5,
    'motor.speed': 1200,
    'motor.running': true,
    'motor.mode': 'eco, cool',
    'cpu{cpu=cpu0}.usage': 12.5,
    'cpu{cpu=cpu1}.usage': 30,
  }))
    expect(latest[key]).toEqual({ at: iso(at), value })
})

test('a line that is not line protocol alone is answered as InfluxDB answers it', async () => {
  const answer = await write('temperature')
  expect(answer).toMatchObject({ status: 400, body: { error: "unable to parse 'temperature': missing fields" } })
  expect((await write('')).status).toBe(204)
  expect((await write('m value=1')).body.error).toContain('no tag device or host names the device')
  expect((await write(`m,device=nobody value=1`)).body.error).toMatch(/No device with this id.*dropped=1$/)
  expect((await write('m,device=../x value=1')).body.error).toContain('is no id of a device')
  expect((await write('m value=1', token(testKey), '/write?precision=days')).status).toBe(400)
})

test('among many lines only the bad ones are left out, and lines without a time all keep their own', async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => `many,device=boiler-1 value=${n} ${n === 1234 ? -5 : at + n}`)
  const answer = await write(lines.join('\n'))
  expect(answer).toMatchObject({ status: 400, body: { accepted: 2999, refused: [{ line: 1235 }] } })
  expect(await valuesOf('boiler-1', 'many')).toHaveLength(2999)
  const untimed = Array.from({ length: 500 }, (_, n) => `now,device=boiler-1 value=${n}`)
  expect((await write(untimed.join('\n'))).status).toBe(204)
  expect(await valuesOf('boiler-1', 'now')).toHaveLength(500)
})

test('devices that are not registered are made, where a provisioning key says so', async () => {
  const key = await api.post('/api/v1/provisioning-keys', {
    name: 'Telegraf',
    idPrefix: 'host-',
    quota: 2,
    tags: ['it'],
  })
  await api.put('/api/v1/plugins/adapter-influx/instances/default', { config: { provisioningKey: key.body.key } })
  const lines = ['host-1', 'host-2', 'host-3', 'other', 'host-1'].map(
    (host, n) => `load,host=${host} value=${n} ${at + n}`,
  )
  const answer = await write(lines.join('\n'))
  expect(answer).toMatchObject({ status: 400, body: { accepted: 3, refused: [{ line: 3 }, { line: 4 }] } })
  expect(await valuesOf('host-1', 'load')).toEqual([0, 4])
  expect((await api.get('/api/v1/devices/host-2')).body).toMatchObject({ tags: ['it'] })
  expect((await api.get('/api/v1/devices/other')).status).toBe(404)
  // A device's own credentials make nobody else.
  const own = await write(`load,device=host-9 value=1 ${at}`, token(`boiler-1:${boiler.secret}`))
  expect(own.status).toBe(403)
  await api.put('/api/v1/plugins/adapter-influx/instances/default', { config: {} })
})

test('a body that is too large, or packed in a way that is not known, is refused', async () => {
  const bomb = gzipSync(Buffer.alloc(26 * 1024 * 1024, '#'))
  expect((await write(bomb, { ...token(testKey), 'content-encoding': 'gzip' })).status).toBe(413)
  expect((await write('m v=1', { ...token(testKey), 'content-encoding': 'br' })).status).toBe(415)
  expect((await write('not gzip', { ...token(testKey), 'content-encoding': 'gzip' })).status).toBe(400)
  expect((await write(Buffer.from([0x6d, 0xff, 0x20]))).body.error).toContain('UTF-8')
})

test('/ping says that it is there', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await fetch(`${server.url}/ping`, { method })
    expect([answer.status, answer.headers.get('x-influxdb-version')]).toEqual([204, expect.stringContaining('1.')])
  }
  expect(await (await fetch(`${server.url}/ping?verbose=true`)).json()).toEqual({ version: expect.any(String) })
})

const outputs = {
  'version 1': (url: string) => `[[outputs.influxdb]]
  urls = ["${url}"]
  database = "telegraf"
  username = "key"
  password = "${testKey}"`,
  'version 2': (url: string) => `[[outputs.influxdb_v2]]
  urls = ["${url}"]
  token = "${testKey}"
  organization = "any"
  bucket = "any"`,
}
for (const [name, output] of Object.entries(outputs)) {
  test.skipIf(telegraf === undefined)(
    `Telegraf writes what it has by ${name}${telegraf === undefined ? ', skipped, no TELEGRAF' : ''}`,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'patchbay-telegraf-'))
      const measurement = `telegraf_${name.slice(-1)}`
      const inputs = ['a b', 'c,d'].map(
        (room, n) => `
[[inputs.mock]]
  metric_name = "${measurement}"
  [inputs.mock.tags]
    host = "pump-1"
    room = "${room}"
  [[inputs.mock.constant]]
    name = "load"
    value = ${n}.5
  [[inputs.mock.constant]]
    name = "mode"
    value = "eco, \\"cool\\""
  [[inputs.mock.constant]]
    name = "starts"
    value = 7`,
      )
      const config = `[agent]\n  omit_hostname = true\n${output(server.url)}\n${inputs.join('\n')}\n`
      await writeFile(join(folder, 'telegraf.conf'), config)
      await promisify(execFile)(telegraf ?? '', ['--config', join(folder, 'telegraf.conf'), '--once'], {
        timeout: 20_000,
      })
      const latest = (await api.get('/api/v1/devices/pump-1/latest')).body
      expect(latest).toMatchObject({
        [`${measurement}{room=a b}.load`]: { value: 0.5 },
        [`${measurement}{room=c%2Cd}.load`]: { value: 1.5 },
        [`${measurement}{room=c%2Cd}.mode`]: { value: 'eco, "cool"' },
        [`${measurement}{room=c%2Cd}.starts`]: { value: 7 },
      })
      await rm(folder, { recursive: true })
    },
  )
}
