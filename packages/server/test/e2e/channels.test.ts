import { createHmac } from 'node:crypto'
import { createHttpRemote, createSmtpRemote, type HttpRemote, toSample } from '@patchbay/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let remote: HttpRemote

const key = Buffer.from('a secret of the test suite: 32 b')
const secret = `whsec_${key.toString('base64')}`
const webhook = (config: Record<string, unknown> = {}) => ({
  plugin: 'alert-webhook',
  config: { url: remote.url, ...config },
})
const tryOut = (body: unknown) => api.post('/api/v1/channels/test', body)

beforeAll(async () => {
  server = await startInProcess({ env: { PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' } })
  api = createApi(server.url)
})
afterAll(() => server.close())
beforeEach(async () => {
  remote = await createHttpRemote()
})
afterEach(() => remote.close())

describe('a channel', () => {
  test('is made, read, changed and removed by its name, and shows no secret', async () => {
    const made = await api.post('/api/v1/channels', { name: 'ops', ...webhook({ secret }) })
    expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"'])
    expect(made.body).toMatchObject({
      name: 'ops',
      plugin: 'alert-webhook',
      enabled: true,
      config: { url: remote.url, secret: { set: true } },
      state: 'running',
    })
    // It may be saved while its remote is away: nothing is sent for that.
    expect(remote.calls).toBe(0)
    expect((await api.get('/api/v1/plugins/alert-webhook/instances/ops')).body).toMatchObject({ name: 'ops' })
    const kept = { secret: { set: true } }
    const changed = await api.put('/api/v1/channels/ops', webhook({ ...kept, contentType: 'text/plain' }))
    expect([changed.status, changed.body.config]).toEqual([
      200,
      expect.objectContaining({ contentType: 'text/plain', secret: { set: true } }),
    ])
    // It was entered for another address, and is not sent anywhere else.
    const moved = webhook({ ...kept, url: `${remote.url}/two` })
    for (const answer of [await api.put('/api/v1/channels/ops', moved), await tryOut({ name: 'ops', ...moved })])
      expect(answer).toMatchObject({
        status: 422,
        body: { errors: [{ path: '/config/secret', code: 'secret-target-changed' }] },
      })
    expect(remote.calls).toBe(0)
    expect((await api.put('/api/v1/channels/ops', webhook(), { 'if-match': '"1"' })).status).toBe(412)
    for (const path of ['/api/v1/channels', '/api/v1/channels/ops', '/api/v1/audit'])
      expect(JSON.stringify((await api.get(path)).body)).not.toContain(secret)
    expect(server.lines.join('\n')).not.toContain(secret)
    expect((await api.delete('/api/v1/channels/ops')).status).toBe(204)
    expect(await api.get('/api/v1/channels/ops')).toMatchObject({ status: 404, body: { code: 'CHANNEL_UNKNOWN' } })
  })

  test('has its name for itself, whichever way it is made', async () => {
    expect((await api.post('/api/v1/channels', { name: 'one', ...webhook() })).status).toBe(201)
    const mqtt = { plugin: 'alert-mqtt', config: {} }
    for (const answer of [
      await api.post('/api/v1/channels', { name: 'one', ...webhook() }),
      await api.post('/api/v1/channels', { name: 'one', ...mqtt }),
      await api.put('/api/v1/channels/one', mqtt),
      await api.put('/api/v1/plugins/alert-mqtt/instances/one', { config: {} }),
    ])
      expect(answer).toMatchObject({ status: 409, body: { code: 'CHANNEL_NAME_TAKEN' } })
    const both = await Promise.all([
      api.put('/api/v1/channels/two', mqtt),
      api.put('/api/v1/channels/two', webhook()),
      api.put('/api/v1/plugins/alert-telegram/instances/two', { config: { token: '1:a', chat: '1' } }),
    ])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    await api.delete('/api/v1/channels/one')
    await api.delete('/api/v1/channels/two')
  })

  test('is listed by name and page', async () => {
    for (const name of ['c', 'a', 'b']) await api.put(`/api/v1/channels/${name}`, webhook())
    const first = await api.get('/api/v1/channels?limit=2')
    expect(first.body.items.map(({ name }: { name: string }) => name)).toEqual(['a', 'b'])
    const second = await api.get(`/api/v1/channels?limit=2&cursor=${first.body.nextCursor}`)
    expect(second.body.items.map(({ name }: { name: string }) => name)).toEqual(['c', 'inbox'])
    expect(second.body).not.toHaveProperty('nextCursor')
    for (const name of ['c', 'a', 'b']) await api.delete(`/api/v1/channels/${name}`)
  })

  test('of what is no alert plugin, or with wrong fields, is refused with the field', async () => {
    expect(await api.put('/api/v1/channels/x', { plugin: 'adapter-http', config: {} })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/plugin', message: expect.stringContaining('alert-email') }] },
    })
    expect(await api.put('/api/v1/channels/x', { name: 'y', ...webhook() })).toMatchObject({ status: 422 })
    expect(await api.put('/api/v1/channels/x', webhook({ url: 'http://169.254.169.254/' }))).toMatchObject({
      status: 422,
      body: { code: 'PLUGIN_BAD_CONFIG', errors: [{ path: expect.stringMatching(/url$/) }] },
    })
    expect(await api.put('/api/v1/channels/x', webhook({ url: 'http://10.0.0.1/' }))).toMatchObject({ status: 422 })
    expect((await api.get('/api/v1/channels/x')).status).toBe(404)
  })

  test('that ends in the console is there from the start and stays', async () => {
    expect((await api.get('/api/v1/channels/inbox')).body).toMatchObject({ plugin: 'alert-web', state: 'running' })
    expect(await api.delete('/api/v1/channels/inbox')).toMatchObject({
      status: 409,
      body: { code: 'CHANNEL_BUILT_IN' },
    })
    expect((await api.delete('/api/v1/plugins/alert-web/instances/inbox')).status).toBe(409)
  })
})

describe('the test of unsaved values says what the remote said', () => {
  test('a stub that answers 500: the status and its first line', async () => {
    remote.answerWith((_call, response) => response.writeHead(500).end('the gears are stuck\nsecond line'))
    const { status, body } = await tryOut(webhook())
    expect([status, body.ok]).toEqual([200, false])
    expect(body.text).toMatch(/^500 the gears are stuck/)
  })

  test('a dead port: the network’s error', async () => {
    await remote.close()
    expect((await tryOut(webhook())).body).toMatchObject({ ok: false, text: expect.stringContaining('ECONNREFUSED') })
    remote = await createHttpRemote()
  })

  test('success on 2xx only', async () => {
    expect((await tryOut(webhook())).body).toEqual({ ok: true, reply: '200 thank you' })
    for (const code of [300, 302, 304, 400, 404, 429, 503]) {
      remote.answerWith((_call, response) => response.writeHead(code, { location: remote.url }).end())
      expect([code, (await tryOut(webhook())).body]).toEqual([code, expect.objectContaining({ ok: false })])
    }
  })

  test('a kept secret signs, and is not told', async () => {
    await api.put('/api/v1/channels/signed', webhook({ secret }))
    const { body } = await tryOut({ name: 'signed', ...webhook({ secret: { set: true } }) })
    expect(body.ok).toBe(true)
    const [call] = remote.received
    const id = String(call?.headers['webhook-id'])
    const signed = `${id}.${String(call?.headers['webhook-timestamp'])}.${call?.body}`
    expect(call?.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    remote.behave('echo')
    expect(
      JSON.stringify((await tryOut({ name: 'signed', ...webhook({ secret: { set: true } }) })).body),
    ).not.toContain(secret)
    // Without the name there is nothing to keep.
    expect(await tryOut(webhook({ secret: { set: true } }))).toMatchObject({
      status: 422,
      body: { code: 'CONFIG_INVALID' },
    })
    await api.delete('/api/v1/channels/signed')
  })

  test('mail: what the server said', async () => {
    const smtp = await createSmtpRemote()
    const mail = {
      plugin: 'alert-email',
      config: { host: '127.0.0.1', port: smtp.port, security: 'none', from: 'a@example.org', to: ['b@example.org'] },
    }
    expect((await tryOut(mail)).body).toEqual({ ok: true, reply: '250 2.0.0 queued as 17' })
    smtp.behave('refuse')
    expect((await tryOut(mail)).body).toMatchObject({ ok: false, text: '550 5.1.1 nobody lives here' })
    expect(smtp.mails).toHaveLength(1)
    await smtp.close()
  })

  test('a topic: subscribers of the platform get it, but nobody speaks for a device', async () => {
    const heard: string[] = []
    const end = server.platform.domain.hub.tap(({ topic }) => {
      heard.push(topic)
    })
    expect((await tryOut({ plugin: 'alert-mqtt', config: { topic: 'alerts/{{ device.id }}' } })).body).toEqual({
      ok: true,
      reply: 'published to alerts/test-device',
    })
    expect(heard).toContain('alerts/test-device')
    for (const topic of ['devices/d-1/telemetry', 'sensors/d-1/t', '$SYS/x', 'provision/request', '/', 'a/#'])
      expect([topic, (await tryOut({ plugin: 'alert-mqtt', config: { topic } })).body.ok]).toEqual([
        topic,
        topic === '/',
      ])
    end()
  })

  test('the inbox: it is in the inbox, for those who may read alerts', async () => {
    const { body } = await tryOut({ name: 'inbox', plugin: 'alert-web', config: {} })
    expect(body).toEqual({ ok: true, reply: expect.stringContaining('in the inbox') })
    const { items } = (await api.get('/x/alert-web/notifications')).body
    expect(items[0]).toMatchObject({ kind: 'test', headline: expect.stringContaining('TEST') })
    await api.post('/api/v1/roles', { id: 'blind', permissions: ['devices.read'] })
    const blind = await api.post('/api/v1/api-keys', { name: 'blind', role: 'blind' })
    expect(blind.status).toBe(201)
    const other = createApi(server.url, blind.body.key ?? blind.body.secret)
    expect((await other.get('/api/v1/devices')).status).toBe(200)
    expect((await other.get('/x/alert-web/notifications')).status).toBe(403)
    expect((await other.get('/api/v1/channels')).status).toBe(403)
    expect((await other.post('/api/v1/channels/test', webhook())).status).toBe(403)
  })
})

test('what runs can be delivered to by plugin and name; what is disabled or removed cannot', async () => {
  const { channels } = server.platform.domain
  const deliver = (full: string) =>
    channels.get(full)?.deliver(toSample('n-1'), { attempt: 1, signal: new AbortController().signal })
  await api.put('/api/v1/channels/ops', webhook())
  expect(await deliver('alert-webhook/ops')).toEqual({ outcome: 'delivered', reply: '200 thank you' })
  expect(await deliver('alert-web/inbox')).toMatchObject({ outcome: 'delivered' })
  await api.post('/api/v1/plugins/alert-webhook/instances/ops/disable')
  expect(channels.has('alert-webhook/ops')).toBe(false)
  expect((await api.get('/api/v1/channels/ops')).body).toMatchObject({ enabled: false, state: 'stopped' })
  await api.post('/api/v1/plugins/alert-webhook/instances/ops/enable')
  expect(channels.has('alert-webhook/ops')).toBe(true)
  await api.delete('/api/v1/channels/ops')
  expect(channels.has('alert-webhook/ops')).toBe(false)
})
