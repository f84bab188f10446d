import mqtt from 'mqtt'
import { afterEach, expect, test, vi } from 'vitest'
import { freePort } from '../harness/gateway-folder.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { makeDataFolder, testKey } from '../harness/server-process.ts'

let server: InProcess | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const api = async (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${server?.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${testKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('the Admin API takes an API key as X-API-KEY, and what it was told is there after a restart', async () => {
  const data = await makeDataFolder()
  const port = await freePort()
  const listeners = [{ port, address: '', tls: false, proxyProtocol: false }]
  const put = (key: string) =>
    fetch(`${server?.url}/apisix/admin/stream_routes/1`, {
      method: 'PUT',
      headers: { 'x-api-key': key, 'content-type': 'application/x-www-form-urlencoded' },
      body: JSON.stringify({ upstream: { nodes: [{ local: true, weight: 1 }] } }),
    })
  server = await startInProcess({ data: data.path })
  const saved = await api('PUT', '/api/v1/plugins/gateway-mqtt/instances/default', { config: { listeners } })
  expect(saved.status).toBe(200)
  expect((await put('wrong')).status).toBe(401)
  expect((await put(testKey)).status).toBe(201)
  await vi.waitFor(async () => {
    const trail = await api('GET', '/api/v1/audit?target=stream_routes/1')
    const { items } = (await trail.json()) as { items: Record<string, unknown>[] }
    // The stranger is not noted; what was done is noted just after its answer.
    expect(items).toMatchObject([
      {
        actor: expect.stringMatching(/^key:/),
        address: '127.0.0.1',
        action: 'PUT /apisix/admin/stream_routes/1',
        outcome: 'done',
        status: 201,
        changes: { upstream: { nodes: [{ local: true, weight: 1 }] } },
      },
    ])
  })
  await server.close()
  server = await startInProcess({ data: data.path })
  const got = await fetch(`${server.url}/admin/stream_routes/1`, { headers: { 'x-api-key': testKey } })
  expect(await got.json()).toMatchObject({ key: '/apisix/stream_routes/1', createdIndex: 1 })
  // A client without credentials gets as far as the broker's own answer.
  await vi.waitFor(() =>
    expect(mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })).rejects.toThrow('Bad username'),
  )
  const nodes = (await (await api('GET', '/api/v1/gateway/nodes')).json()) as { items: { sessions: number }[] }
  expect(nodes.items).toMatchObject([{ node: 'local', sessions: 1 }])
  const metrics = await (await api('GET', '/metrics')).text()
  expect(metrics).toContain('\npatchbay_gateway_node_sessions_total{upstream="stream_routes/1",node="local"} 1\n')
  expect(metrics).toContain('\npatchbay_gateway_route_accepted_total{route="1"} 1\n')
  const simulated = await api('POST', '/api/v1/gateway/simulate', { upstream: 'stream_routes/1', clientIds: ['a'] })
  expect(simulated.status).toBe(422)
  const drain = (node: string) =>
    api('POST', '/api/v1/gateway/drain', { upstream: 'stream_routes/1', node, perSecond: 1 })
  expect((await drain('nowhere')).status).toBe(404)
  expect(await (await drain('local')).json()).toMatchObject({ node: 'local', draining: 1 })
  expect((await fetch(`${server.url}/api/v1/gateway/sessions`)).status).toBe(401)
  expect((await api('GET', '/api/v1/gateway/sessions')).status).toBe(200)
  await data.remove()
})
