import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let device: TestDevice

beforeAll(async () => {
  server = await startInProcess({ env: { PATCHBAY_TRUSTED_PROXIES: '127.0.0.0/8' } })
  device = await createDevice(createApi(server.url), 'behind-1')
})
afterAll(() => server.close())

const post = (headers: Record<string, string>, secret = device.secret) =>
  fetch(`${server.url}/v1/devices/behind-1/telemetry`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`behind-1:${secret}`)}`, ...headers },
    body: '{"a":1}',
  })

test('a device behind a trusted proxy is judged by its own address and by the way it reached the proxy', async () => {
  expect((await post({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' })).status).toBe(204)
  // Plain text over the Internet up to the proxy: not permitted, although the proxy itself is on this machine.
  expect((await post({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http' })).status).toBe(403)
})

test('refusals show the address of the device, not of the proxy', async () => {
  expect((await post({ 'x-forwarded-for': '203.0.113.77', 'x-forwarded-proto': 'https' }, 'wrong')).status).toBe(401)
  const api = createApi(server.url)
  await expect
    .poll(async () =>
      (await api.get('/api/v1/refusals?limit=5')).body.items.map((each: { address: string }) => each.address),
    )
    .toContain('203.0.113.77')
})
