import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createHttpRemote, type HttpRemote } from '@patchbay/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { connectMqtt, type TestClient } from '../harness/mqtt-client.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

const secret = 'the secret of the suite, 32 bytes'
const header = 'Bearer what-the-service-wants'
let server: InProcess
let api: Api
let remote: HttpRemote
let device: TestDevice

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const sign = (payload: object): string => {
  const text = `${part({ alg: 'HS256' })}.${part(payload)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
const token = (more: object = {}) => sign({ sub: device.id, iss: 'suite', exp: inSeconds(60), ...more })

const put = async (plugin: string, body: object) => {
  const path = `/api/v1/plugins/${plugin}/instances/it`
  const answer = await api.put(path, body)
  expect([answer.status, answer.body]).toEqual([answer.status, expect.objectContaining({ name: 'it' })])
  await expect.poll(async () => (await api.get(path)).body.state).toBe('running')
  return (await api.get(path)).body
}
const remove = (plugin: string) => api.delete(`/api/v1/plugins/${plugin}/instances/it`)
const mayPublish = (client: TestClient, topic: string) =>
  client.mqtt.publishAsync(topic, '1', { qos: 1 }).then(
    () => true,
    () => false,
  )
const answer = (response: ServerResponse, body: object) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))

beforeAll(async () => {
  server = await startInProcess({ env: { PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' } })
  api = createApi(server.url)
  remote = await createHttpRemote()
  device = await createDevice(api, 'token-1')
})
afterAll(async () => {
  await server.close()
  await remote.close()
})

test(
  'a token logs in by MQTT, WebSocket and HTTP, has its rights, and its session ends when it ends',
  { timeout: 30_000 },
  async () => {
    const config = { algorithm: 'HS256', secret, issuer: 'suite', rightsClaim: 'rights' }
    const shown = await put('access-jwt', { order: 5, config })
    expect(shown).toMatchObject({ order: 5, config: { secret: { set: true } } })
    expect(JSON.stringify(shown)).not.toContain(secret)

    const rights = { publish: ['plant/#'] }
    const client = await connectMqtt(server.port, { id: device.id, secret: token({ rights }) })
    expect(await mayPublish(client, `devices/${device.id}/telemetry/a`)).toBe(true)
    expect(await mayPublish(client, 'plant/1')).toBe(true)
    expect(await mayPublish(client, 'other/1')).toBe(false)
    const plain = await connectMqtt(server.port, { id: device.id, secret: token() })
    expect(await mayPublish(plain, 'plant/1')).toBe(false)

    const bearer = (secretOf: string) =>
      fetch(`${server.url}/v1/devices/${device.id}/telemetry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secretOf}` },
        body: '{"b":1}',
      })
    expect((await bearer(token())).status).toBe(204)
    expect((await bearer(token({ exp: inSeconds(-60) }))).status).toBe(403)
    expect((await bearer(token({ sub: 'nobody' }))).status).toBe(401)
    const socket = await connectWebSocket(server.port, { auth: `${device.id}:${token()}` })
    expect(await socket.ask({ publish: `devices/${device.id}/telemetry`, payload: { c: 1 } })).toHaveProperty('ack')
    await socket.close()

    const short = await connectMqtt(server.port, { id: device.id, secret: token({ exp: inSeconds(2) }) })
    expect(short.closed()).toBe(false)
    await expect.poll(short.closed, { timeout: 5000, interval: 20 }).toBe(true)
    expect(short.goodbye()).toBe(0x87)
    expect([client.closed(), plain.closed()]).toEqual([false, false])
    // The device's own secret stays good beside it.
    const own = await connectMqtt(server.port, device)
    await Promise.all([client.end(), plain.end(), own.end()])
  },
)

test('a token logs in at a broker beside the platform too, with its rights and until it ends', async () => {
  await put('access-jwt', { order: 5, config: { algorithm: 'HS256', secret, issuer: 'suite', rightsClaim: 'rights' } })
  await api.post('/api/v1/roles', { id: 'broker', permissions: ['brokers.ask'] })
  const { key } = (await api.post('/api/v1/api-keys', { name: 'emqx', role: 'broker' })).body
  const ask = async (question: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ username: device.id, ...question })
    return (await fetch(`${server.url}/v1/broker-auth/emqx`, { method: 'POST', headers, body })).json()
  }
  const publish = (clientid: string) => ask({ clientid, action: 'publish', topic: 'plant/1' })
  const exp = inSeconds(3)
  const password = token({ exp, rights: { publish: ['plant/#'] } })
  expect(await ask({ clientid: 'one', password })).toEqual({ result: 'allow', is_superuser: false, expire_at: exp })
  expect(await publish('one')).toMatchObject({ result: 'allow' })
  expect(await publish('two')).toMatchObject({ result: 'deny' })
  await expect.poll(() => publish('one'), { timeout: 6000 }).toMatchObject({ result: 'deny' })
  const own = { clientid: 'one', action: 'publish', topic: `devices/${device.id}/a` }
  expect(await ask(own)).toMatchObject({ result: 'deny' })
  expect(await ask({ clientid: 'one', password: device.secret })).toMatchObject({ result: 'allow' })
  expect(await ask(own)).toMatchObject({ result: 'allow' })
})

test(
  'a service of the admin’s decides on logins and topics, after or before others; its silence denies',
  { timeout: 30_000 },
  async () => {
    const asked: string[] = []
    let isUp = true
    remote.answerWith((call, response) => {
      const { username, password, topic } = JSON.parse(call.body)
      asked.push(`${call.path} ${username} ${topic ?? ''}`)
      if (!isUp || call.headers.authorization !== header) response.writeHead(500).end()
      else if (call.path === '/login')
        answer(response, { result: password === 'banned' ? 'deny' : password === 'vouched' ? 'allow' : 'ignore' })
      else
        answer(response, { result: topic === 'plant/open' ? 'allow' : topic.endsWith('/closed') ? 'deny' : 'ignore' })
    })
    const config = {
      loginUrl: `${remote.url}/login`,
      topicUrl: `${remote.url}/topic`,
      headers: [{ name: 'Authorization', value: header }],
      keepSeconds: 0,
    }
    const shown = await put('access-http', { order: 1, config })
    expect(JSON.stringify(shown)).not.toContain(header)
    const own = await connectMqtt(server.port, device)
    expect(asked[0]).toBe(`/login ${device.id} `)
    expect(await mayPublish(own, 'plant/open')).toBe(true)
    expect(await mayPublish(own, 'plant/other')).toBe(false)
    expect(await mayPublish(own, `devices/${device.id}/closed`)).toBe(false)
    expect(await mayPublish(own, `devices/${device.id}/open`)).toBe(true)
    const vouched = await connectMqtt(server.port, { ...device, secret: 'vouched' })
    await expect(connectMqtt(server.port, { ...device, secret: 'banned' })).rejects.toThrow(/refused/)
    // A rule that denies wins over a provider that allows.
    const rule = (
      await api.post('/api/v1/access/rules', { effect: 'deny', actions: ['publish'], filter: 'plant/open' })
    ).body
    expect(await mayPublish(own, 'plant/open')).toBe(false)
    await api.delete(`/api/v1/access/rules/${rule.id}`)
    // Both are asked: the token is good, the service has the last word.
    const both = await connectMqtt(server.port, { id: device.id, secret: token() })
    isUp = false
    // Another device than the one that was refused just now: what is the same within a second is only counted.
    const other = await createDevice(api, 'token-2')
    await expect(connectMqtt(server.port, other)).rejects.toThrow(/refused/)
    expect(await mayPublish(own, 'plant/new')).toBe(false)
    await expect
      .poll(async () => (await api.get('/api/v1/refusals?code=PROVIDER_DENIED&device=token-2')).body.items[0])
      .toMatchObject({
        step: 'provider',
        rule: 'access-http/it/http',
        detail: expect.stringContaining('gave no answer'),
      })
    expect((await api.get('/api/v1/plugins/access-http/instances/it')).body).toMatchObject({ state: 'degraded' })
    await Promise.all([own.end(), vouched.end(), both.end()])
    await remove('access-http')
    await remove('access-jwt')
    const after = await connectMqtt(server.port, device)
    await expect(connectMqtt(server.port, { id: device.id, secret: token() })).rejects.toThrow(/refused/)
    await after.end()
  },
)
