import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi, createDevice, readAll } from '../harness/api.ts'
import { createBrowser } from '../harness/browser.ts'
import { connectMqtt, createDeviceHttp } from '../harness/mqtt-client.ts'
import { makeDataFolder, runToExit, startServer } from '../harness/server-process.ts'

/** Contract section 1. */
const stopLimitMs = 10_000

let data: Awaited<ReturnType<typeof makeDataFolder>>
const folder = (name: string): string => join(data.path, name)

/** A program that has the port already. */
const takePort = async (): Promise<{ port: number; close: () => void }> => {
  const server = net.createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => void server.close(),
  }
}
/** Besides log lines: what a person reads. */
const sentencesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('{'))

beforeAll(async () => {
  data = await makeDataFolder()
  await writeFile(folder('file'), '')
})
afterAll(() => data.remove())

describe('a setting that is wrong ends it with 2 and one sentence that names it', () => {
  const wrong: [name: string, env: Record<string, string>, says: RegExp][] = [
    ['PATCHBAY_PROT', { PATCHBAY_PROT: '8080' }, /not a setting/],
    ['PATCHBAY_PORT', { PATCHBAY_PORT: '99999' }, /not a port/],
    ['PATCHBAY_MQTT_PORT', { PATCHBAY_MQTT_PORT: 'tcp://10.0.0.1:1883' }, /Kubernetes/],
    ['PATCHBAY_API_KEY', { PATCHBAY_API_KEY: 'short' }, /too short/],
    ['PATCHBAY_OPEN_TOPICS', { PATCHBAY_OPEN_TOPICS: '#', PATCHBAY_HOST: '0.0.0.0' }, /PATCHBAY_HOST/],
    ['PATCHBAY_OPEN_TOPICS', { PATCHBAY_OPEN_TOPICS: 'a/#/b' }, /not a topic filter/],
    ['MONGODB_URL', { MONGODB_URL: 'http://localhost' }, /not an address of a MongoDB/],
    ['REDIS_URL', { REDIS_URL: 'http://localhost' }, /not an address of a Redis/],
    ['PATCHBAY_PLAIN', { PATCHBAY_PLAIN: 'some' }, /loopback, private, any/],
    ['PATCHBAY_HOST', { PATCHBAY_HOST: '192.0.2.1' }, /not an address of this machine/],
    ['PATCHBAY_MASTER_KEY', { PATCHBAY_MASTER_KEY: 'abc' }, /32 bytes/],
    ['PATCHBAY_ADMIN_USER', { PATCHBAY_ADMIN_USER: 'ada' }, /PATCHBAY_ADMIN_PASSWORD/],
    ['PATCHBAY_ADMIN_USER', { PATCHBAY_ADMIN_USER: 'a/b', PATCHBAY_ADMIN_PASSWORD: 'a good phrase' }, /user name/],
    ['PATCHBAY_ADMIN_PASSWORD', { PATCHBAY_ADMIN_USER: 'ada', PATCHBAY_ADMIN_PASSWORD: 'password1' }, /tried first/],
    ['PATCHBAY_TLS_(CERT|KEY)', { PATCHBAY_TLS_CERT: '/no/cert', PATCHBAY_TLS_KEY: '/no/key' }, /cannot be read/],
  ]
  test.each(wrong)('%s %o', async (name, env, says) => {
    const { code, text } = await runToExit({ data: folder('wrong'), env })
    const sentences = sentencesOf(text)
    expect([code, sentences.length], text).toEqual([2, 1])
    expect(sentences[0]).toMatch(new RegExp(`^${name} .*\\.$`))
    expect(sentences[0]).toMatch(says)
    expect(text).not.toContain('"level":60')
  })
  test('a data folder that cannot be', async () => {
    const { code, text } = await runToExit({ data: folder('file') })
    expect([code, sentencesOf(text)]).toEqual([2, [expect.stringMatching(/^PATCHBAY_DATA .*cannot be made/)]])
  })
  test.runIf(process.platform === 'linux')('a data folder where nothing can be made', async () => {
    const { code, text } = await runToExit({ data: '/proc/patchbay' })
    expect([code, sentencesOf(text)]).toEqual([2, [expect.stringMatching(/^PATCHBAY_DATA .*cannot be made/)]])
  })
})

test('a port that is taken ends it with 1 and a sentence', async () => {
  const other = await takePort()
  const { code, text } = await runToExit({ data: folder('taken'), env: { PATCHBAY_PORT: String(other.port) } })
  other.close()
  expect(code, text).toBe(1)
  expect(sentencesOf(text)).toEqual([
    expect.stringMatching(new RegExp(`^Cannot listen on 127.0.0.1:${other.port}.*PATCHBAY_PORT`)),
  ])
  expect(text).not.toContain('"level":60')
})

test('a taken well-known port degrades its listener and instance, with the reason, while the rest runs', async () => {
  const other = await takePort()
  const server = await startServer({ data: folder('degraded'), env: { PATCHBAY_MQTT_PORT: String(other.port) } })
  const api = createApi(server.url)
  const { items } = (await api.get('/api/v1/system/listeners')).body
  expect(items.find(({ name }: { name: string }) => name === 'main')).toMatchObject({ state: 'listening' })
  const mqtt = items.find(({ name }: { name: string }) => name === 'mqtt')
  expect(mqtt).toMatchObject({ port: other.port, state: 'degraded', detail: expect.stringMatching(/taken|in use/) })
  const instance = async () => (await api.get('/api/v1/plugins/adapter-mqtt/instances/default')).body
  expect(await instance()).toMatchObject({
    state: 'degraded',
    status: { text: expect.stringContaining(String(other.port)) },
  })
  expect((await api.get('/readyz')).status).toBe(200)
  const device = await createDevice(api, 'd')
  const client = await connectMqtt(server.port, device)
  await client.mqtt.publishAsync('devices/d/telemetry', '{"a":1}', { qos: 1 })
  await client.end()
  other.close()
  expect((await server.stop()).code).toBe(0)
})

test('a second process on the same data folder is refused in words, and the first goes on', async () => {
  const server = await startServer({ data: folder('shared') })
  const { code, text } = await runToExit({ data: folder('shared') })
  expect(code, text).toBe(1)
  expect(sentencesOf(text)).toEqual([
    expect.stringMatching(/^Cannot open the data folder .*another process.*PATCHBAY_DATA/),
  ])
  expect(text).not.toContain('"level":60')
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  expect((await server.stop()).code).toBe(0)
})

test('PATCHBAY_ADMIN_USER and PATCHBAY_ADMIN_PASSWORD make the owner at the first start only', async () => {
  const env = { PATCHBAY_ADMIN_USER: 'ada', PATCHBAY_ADMIN_PASSWORD: 'the first good phrase' }
  const logIn = (url: string, password: string) => createBrowser(url).post('/api/v1/session', { user: 'ada', password })
  let server = await startServer({ data: folder('owner'), env })
  expect(server.output()).not.toContain('/setup')
  expect((await logIn(server.url, env.PATCHBAY_ADMIN_PASSWORD)).body).toMatchObject({ user: 'ada', role: 'owner' })
  await server.kill()
  server = await startServer({ data: folder('owner'), env: { ...env, PATCHBAY_ADMIN_PASSWORD: 'another phrase' } })
  expect((await logIn(server.url, 'another phrase')).status).toBe(401)
  expect((await logIn(server.url, env.PATCHBAY_ADMIN_PASSWORD)).status).toBe(200)
  expect((await server.stop()).code).toBe(0)
})

test('the printed setup link makes the owner', async () => {
  const server = await startServer({ data: folder('setup') })
  await expect.poll(() => server.output(), { timeout: 5000 }).toContain('/setup#token=')
  const token = /\/setup#token=([\w-]+)/.exec(server.output())?.[1] ?? ''
  const body = { token, user: 'ada', password: 'a long and good phrase' }
  expect((await createBrowser(server.url).post('/api/v1/setup', body)).status).toBe(201)
  expect((await server.stop()).code).toBe(0)
})

describe.each([
  ['SIGTERM', ['SIGTERM']],
  ['SIGINT, twice and with SIGTERM between', ['SIGINT', 'SIGTERM', 'SIGINT']],
] as const)('%s', (name, signals) => {
  test('stops it under load with 0 and nothing acknowledged lost; every client is told', async () => {
    const path = folder(name)
    let server = await startServer({ data: path })
    let api = createApi(server.url)
    const device = await createDevice(api, 'busy')
    const client = await connectMqtt(server.port, device)
    const old = await connectMqtt(server.port, device, { protocolVersion: 4 })
    const poll = createDeviceHttp(server.url, device)('devices/busy/commands?wait=60').catch(() => 'cut')
    const acked = new Set<number>()
    let sent = 0
    const pump = async (): Promise<void> => {
      while (!client.closed()) {
        const n = sent++
        try {
          await client.mqtt.publishAsync('devices/busy/telemetry', `{"n":${n}}`, { qos: 1 })
          acked.add(n)
        } catch {
          return // the connection has gone: this one stays open
        }
      }
    }
    for (let n = 0; n < 20; n++) void pump()
    await expect.poll(() => acked.size, { timeout: 10_000, interval: 5 }).toBeGreaterThan(300)
    const began = performance.now()
    for (const signal of signals) server.child.kill(signal)
    const [code] = await once(server.child, 'exit')
    expect([code, server.output()]).toEqual([0, expect.not.stringContaining('"level":60')])
    expect(performance.now() - began).toBeLessThan(stopLimitMs)
    await expect.poll(() => client.closed() && old.closed(), { timeout: 2000 }).toBe(true)
    expect(client.goodbye()).toBe(0x8b)
    await poll
    server = await startServer({ data: path })
    api = createApi(server.url)
    const stored = new Set((await readAll(api, 'busy', 'n')).map(({ value }) => value))
    expect([...acked].filter((n) => !stored.has(n))).toEqual([])
    await server.kill()
  })
})
