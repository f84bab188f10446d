import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeStore, startPlugin, type StartedPlugin } from '@patchbay/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import gateway from '../src/index.ts'

let host: StartedPlugin | undefined
afterEach(async () => {
  await host?.stop()
  host = undefined
})
const manifest = new URL('../plugin.json', import.meta.url)
const start = async (options: Parameters<typeof startPlugin>[1] = {}): Promise<StartedPlugin> =>
  (host = await startPlugin(gateway, { manifest, ...options }))

const ask = async (method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) => {
  const answer = await host?.request({
    method,
    url: `/apisix/admin${path}`,
    // As curl -d sends it.
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = answer?.body ?? ''
  return { status: answer?.statusCode, body: text === '' ? undefined : JSON.parse(text) }
}
const upstream = { type: 'roundrobin', nodes: { '127.0.0.1:1883': 1 } }

test('the published curl example is taken as it is', async () => {
  await start()
  const published = `{
    "id": "mqtt-route",
    "plugins": {
      "mqtt-proxy": {
        "protocol_name": "MQTT",
        "protocol_level": 4
      }
    },
    "upstream": {
      "type": "chash",
      "key": "mqtt_client_id",
      "nodes": [
        {
          "host": "test.mosquitto.org",
          "port": 1883,
          "weight": 1
        },
        {
          "host": "broker.mqtt.cool",
          "port": 1883,
          "weight": 1
        }
      ]
    }
  }`
  const made = await ask('PUT', '/stream_routes', published)
  expect(made).toMatchObject({
    status: 201,
    body: { key: '/apisix/stream_routes/mqtt-route', value: { id: 'mqtt-route' } },
  })
  expect((await ask('PUT', '/stream_routes', published)).status).toBe(200)
  const got = await ask('GET', '/stream_routes/mqtt-route')
  expect(got).toMatchObject({
    status: 200,
    body: { createdIndex: 1, modifiedIndex: 2, value: { update_time: expect.any(Number) } },
  })
})

describe('codes and bodies', () => {
  test('lists, single objects, POST, DELETE and what is not there', async () => {
    await start()
    expect(await ask('GET', '/upstreams')).toEqual({ status: 200, body: { list: [], total: 0 } })
    expect(await ask('PUT', '/upstreams/1', { ...upstream, name: 'one' })).toMatchObject({ status: 201 })
    const posted = await ask('POST', '/upstreams', upstream)
    expect(posted).toMatchObject({ status: 201, body: { value: { id: expect.stringMatching(/^[0-9a-f]{20}$/) } } })
    expect(await ask('GET', '/upstreams')).toMatchObject({ body: { total: 2 } })
    expect(await ask('GET', '/upstreams?name=on')).toMatchObject({ body: { total: 1 } })
    expect(await ask('GET', '/upstreams?page=2&page_size=10')).toMatchObject({ body: { list: [], total: 2 } })
    expect(await ask('GET', '/upstreams/none')).toEqual({ status: 404, body: { message: 'Key not found' } })
    expect(await ask('DELETE', '/upstreams/1')).toEqual({
      status: 200,
      body: { key: '/apisix/upstreams/1', deleted: '1' },
    })
    expect(await ask('DELETE', '/upstreams/1')).toMatchObject({ status: 404 })
    expect(await ask('GET', '/consumers')).toMatchObject({ status: 404 })
  })

  test.each<[string, unknown, string]>([
    ['an unknown field', { ...upstream, colour: 1 }, 'invalid configuration'],
    ['an address of a cloud’s metadata', { nodes: { '169.254.169.254:80': 1 } }, 'never called'],
    ['the same in IPv6', { nodes: [{ host: '::ffff:a9fe:a9fe', port: 80, weight: 1 }] }, 'never called'],
    ['a missing key', { ...upstream, type: 'chash' }, 'missing key'],
    ['times of its own', { ...upstream, create_time: 1 }, 'create_time'],
    ['no JSON', '{', 'invalid request body'],
    ['no body', undefined, 'missing configurations'],
    ['another id than the path', { ...upstream, id: 2 }, 'wrong upstreams id'],
    ['nodes nested too deep', { ...upstream, keepalive_pool: JSON.parse('['.repeat(40) + ']'.repeat(40)) }, 'too deep'],
  ])('%s is 400', async (_, body, said) => {
    await start()
    expect(await ask('PUT', '/upstreams/1', body)).toMatchObject({
      status: 400,
      body: { error_msg: expect.stringContaining(said) },
    })
    expect(await ask('GET', '/upstreams')).toMatchObject({ body: { total: 0 } })
  })

  test('PATCH merges the whole or one place, on stream routes too', async () => {
    await start()
    await ask('PUT', '/stream_routes/1', { server_port: 9100, upstream })
    expect(await ask('PATCH', '/stream_routes/1', { server_port: null, desc: 'x' })).toMatchObject({ status: 200 })
    expect((await ask('GET', '/stream_routes/1')).body.value).toMatchObject({ desc: 'x', upstream })
    expect((await ask('GET', '/stream_routes/1')).body.value.server_port).toBeUndefined()
    expect(await ask('PATCH', '/stream_routes/1/upstream/nodes', { '127.0.0.1:1884': 5 })).toMatchObject({
      status: 200,
    })
    expect((await ask('GET', '/stream_routes/1')).body.value.upstream.nodes).toEqual({ '127.0.0.1:1884': 5 })
    expect(await ask('PATCH', '/stream_routes/2', {})).toMatchObject({ status: 404 })
  })

  test('what is referenced is not deleted, unless it is forced', async () => {
    await start()
    expect(await ask('PUT', '/stream_routes/1', { upstream_id: 7 })).toMatchObject({ status: 400 })
    await ask('PUT', '/upstreams/7', upstream)
    await ask('PUT', '/services/s', { upstream_id: 7 })
    await ask('PUT', '/stream_routes/1', { service_id: 's' })
    expect(await ask('DELETE', '/upstreams/7')).toMatchObject({
      status: 400,
      body: { error_msg: expect.stringContaining('service [s]') },
    })
    expect(await ask('DELETE', '/services/s')).toMatchObject({
      status: 400,
      body: { error_msg: expect.stringContaining('stream route [1]') },
    })
    expect(await ask('DELETE', '/services/s?force=true')).toMatchObject({ status: 200 })
  })

  test('a wrong key is told so, before the body is looked at', async () => {
    await start({ authorized: false })
    for (const url of ['/apisix/admin/upstreams', '/admin/upstreams/1'])
      expect((await host?.request({ method: 'PUT', url, payload: '{' }))?.json()).toEqual({
        error_msg: 'failed to check token',
        description: 'wrong apikey',
      })
  })

  test('schemas are checked without saving, and the plugins are listed', async () => {
    await start()
    expect(await ask('POST', '/schema/validate/upstreams', upstream)).toEqual({ status: 200, body: undefined })
    expect(await ask('POST', '/schema/validate/upstreams', { nodes: 1 })).toMatchObject({ status: 400 })
    expect((await ask('GET', '/plugins/list?subsystem=stream')).body).toContain('mqtt-proxy')
    expect(await ask('PUT', '/plugins/reload')).toEqual({ status: 200, body: 'done' })
  })
})

test('objects outlive a restart; keys are sealed in the store and never answered', async () => {
  const store = createFakeStore()
  await start({ store })
  const ssl = { snis: ['a.example'], cert: 'CERT', key: 'PRIVATE-ONE', certs: ['CERT'], keys: ['PRIVATE-THREE'] }
  const tls = { client_cert: 'CERT', client_key: 'PRIVATE-TWO', verify: true }
  expect(JSON.stringify(await ask('PUT', '/ssls/1', ssl))).not.toContain('PRIVATE')
  expect(
    JSON.stringify(await ask('PUT', '/stream_routes/1', { upstream: { ...upstream, scheme: 'tls', tls } })),
  ).not.toContain('PRIVATE')
  expect(JSON.stringify(await ask('GET', '/ssls'))).not.toContain('PRIVATE')
  expect(JSON.stringify(await ask('GET', '/stream_routes/1'))).not.toContain('PRIVATE')
  const kept = JSON.stringify(
    await Promise.all(['object/ssls/1', 'object/stream_routes/1'].map((key) => store.get(key))),
  )
  expect(kept).toContain('CERT')
  expect(kept).not.toContain('PRIVATE')
  await host?.stop()
  await start({ store })
  expect(await ask('GET', '/stream_routes/1')).toMatchObject({
    status: 200,
    body: { value: { upstream: { tls: { verify: true } } } },
  })
  // The key that was kept is merged under what a patch says, and is still there.
  expect(await ask('PATCH', '/ssls/1', { desc: 'renamed' })).toMatchObject({ status: 200 })
  expect(await ask('PATCH', '/ssls/1', { keys: [] })).toMatchObject({ status: 400 })
  expect(await ask('DELETE', '/ssls/1')).toMatchObject({ status: 200 })
})

test('what the file holds is seen, and is changed in the file only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-admin-'))
  await writeFile(join(folder, 'apisix.yaml'), 'upstreams:\n  - id: 1\n    nodes:\n      "127.0.0.1:1883": 1\n#END\n')
  try {
    await start({ config: { folder } })
    expect(host?.status.text).toContain('config.yaml cannot be read')
    expect(await ask('GET', '/upstreams/1')).toMatchObject({
      status: 200,
      body: { value: { nodes: { '127.0.0.1:1883': 1 } } },
    })
    for (const method of ['PUT', 'PATCH', 'DELETE'] as const)
      expect(await ask(method, '/upstreams/1', upstream)).toMatchObject({
        status: 400,
        body: { error_msg: expect.stringContaining('apisix.yaml') },
      })
    // An object of the API may stand beside it, and use it.
    expect(await ask('PUT', '/stream_routes/9', { upstream_id: 1 })).toMatchObject({ status: 201 })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('every write is told to the audit trail with what it was about, reads and checks are not', async () => {
  await start()
  await ask('PUT', '/upstreams/1', upstream)
  await ask('PUT', '/upstreams/1', '{"nodes":')
  await ask('PUT', '/upstreams/1', { nodes: 'wrong' })
  await ask('POST', '/schema/validate/upstreams', upstream)
  await ask('GET', '/upstreams/1')
  await ask('DELETE', '/upstreams/1')
  const url = '/apisix/admin/upstreams/1'
  const requestId = expect.any(String)
  const about = { url, requestId, target: 'upstreams/1' }
  expect(host?.audited).toEqual([
    { ...about, method: 'PUT', status: 201, changes: upstream },
    { ...about, method: 'PUT', status: 400 },
    { ...about, method: 'PUT', status: 400, changes: { nodes: 'wrong' } },
    { ...about, method: 'DELETE', status: 200 },
  ])
  await host?.request({ method: 'DELETE', url: '/api/v1/gateway/sessions/7' })
  await host?.request({ method: 'POST', url: '/api/v1/gateway/simulate', payload: {} })
  const drain = { upstream: 'upstreams/1', node: 'a:1', perSecond: 1 }
  await host?.request({ method: 'POST', url: '/api/v1/gateway/drain', payload: drain })
  expect(host?.audited.slice(4)).toMatchObject([
    { method: 'DELETE', status: 404, target: 'sessions/7' },
    { method: 'POST', status: 404, target: 'upstreams/1 a:1', changes: drain },
  ])
})

test('a writer who has seen an older object is told so, and nothing is lost', async () => {
  await start()
  const put = (body: unknown, seen: string) =>
    host?.request({
      method: 'PUT',
      url: '/apisix/admin/upstreams/1',
      headers: { 'if-match': seen },
      payload: JSON.stringify(body),
    })
  expect((await put({ ...upstream, desc: 'first' }, '"0"'))?.statusCode).toBe(201)
  const { modifiedIndex } = (await ask('GET', '/upstreams/1')).body
  expect((await put({ ...upstream, desc: 'second' }, `"${modifiedIndex}"`))?.statusCode).toBe(200)
  const late = await put({ ...upstream, desc: 'late' }, `"${modifiedIndex}"`)
  expect([late?.statusCode, late?.body]).toEqual([412, expect.stringContaining('changed by somebody else')])
  expect((await ask('GET', '/upstreams/1')).body.value.desc).toBe('second')
})

test('while the audit trail is full nothing is changed, and reads go on', async () => {
  let isFull = true
  await start({ auditIsFull: () => isFull })
  const send = async (method: 'DELETE' | 'POST' | 'GET', path: string, payload?: object) =>
    (await host?.request({ method, url: `/api/v1/gateway/${path}`, ...(payload ? { payload } : {}) }))?.statusCode
  const drain = { upstream: 'upstreams/1', node: 'a:1', perSecond: 1 }
  expect([await send('DELETE', 'sessions/7'), await send('POST', 'drain', drain)]).toEqual([503, 503])
  expect((await ask('PUT', '/upstreams/1', upstream)).status).toBe(503)
  expect([await send('GET', 'sessions'), await send('POST', 'simulate', { upstream: '1' })]).toEqual([200, 404])
  isFull = false
  expect([await send('DELETE', 'sessions/7'), await send('POST', 'drain', drain)]).toEqual([404, 404])
})

test('weights that make a ring too big are refused, alone and together', async () => {
  await start()
  const ring = (a: number, b: number) => ({
    type: 'chash',
    key: 'mqtt_client_id',
    nodes: { '127.0.0.1:1': a, '127.0.0.1:2': b },
  })
  const tooBig = await ask('PUT', '/upstreams/1', ring(65_535, 65_534))
  expect(tooBig).toMatchObject({ status: 400, body: { error_msg: expect.stringContaining('20971040 points') } })
  // The same ratio in smaller words.
  expect((await ask('PUT', '/upstreams/1', ring(65_534, 65_534))).status).toBe(201)
  for (const id of [2, 3]) expect((await ask('PUT', `/upstreams/${id}`, ring(3_000, 1))).status).toBe(201)
  const fourth = await ask('PUT', '/stream_routes/4', { upstream: ring(3_000, 1) })
  expect(fourth).toMatchObject({ status: 400, body: { error_msg: expect.stringContaining('1000000') } })
  // What is replaced does not count beside what replaces it.
  expect((await ask('PUT', '/upstreams/3', ring(3_000, 7))).status).toBe(200)
  expect((await ask('PUT', '/stream_routes/4', { upstream })).status).toBe(201)
})

test('a drain is kept over a restart, until it is ended or its node is gone', async () => {
  const store = createFakeStore()
  const drain = async (node: string, perSecond: number) =>
    (
      await host?.request({
        method: 'POST',
        url: '/api/v1/gateway/drain',
        payload: { upstream: 'upstreams/1', node, perSecond },
      })
    )?.statusCode
  const draining = async () =>
    (await host?.request('/api/v1/gateway/nodes'))?.json().items.map((each: { draining: number }) => each.draining)
  const again = async () => {
    await host?.stop()
    await start({ store })
  }
  await start({ store })
  await ask('PUT', '/upstreams/1', { nodes: { 'a:1': 1, 'b:1': 1 } })
  expect([await drain('a:1', 7), await drain('b:1', 2), await drain('c:1', 1)]).toEqual([200, 200, 404])
  await again()
  expect(await draining()).toEqual([7, 2])
  await drain('b:1', 0)
  await again()
  expect(await draining()).toEqual([7, 0])
  // Gone and back again: it is another one, which nobody empties.
  await ask('PUT', '/upstreams/1', { nodes: { 'b:1': 1 } })
  await ask('PUT', '/upstreams/1', { nodes: { 'a:1': 1, 'b:1': 1 } })
  expect(await draining()).toEqual([0, 0])
  await again()
  expect(await draining()).toEqual([0, 0])
})

test('the plugin’s own ports are opened and closed while it runs; anything else starts it anew', async () => {
  const port = (number: number, more: object = {}) => ({
    port: number,
    address: '',
    tls: false,
    proxyProtocol: false,
    ...more,
  })
  await start({ config: { listeners: [port(1), port(2)] } })
  const since = host?.status.since
  await host?.reconfigure({ listeners: [port(2), port(3), port(3, { address: '127.0.0.9' })] })
  expect(host?.listeners.open).toEqual(['gateway-2', 'gateway-3', 'gateway-127.0.0.9:3'])
  expect(host?.status.since).toBe(since)
  await host?.reconfigure({ listeners: [port(2)], fallbackName: 'other.example' })
  expect(host?.listeners.open).toEqual(['gateway-2'])
  expect(host?.status.since).not.toBe(since)
})
