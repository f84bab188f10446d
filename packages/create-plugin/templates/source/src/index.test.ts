import { createServer } from 'node:http'
import { once } from 'node:events'
import { createFakeSessions, startPlugin } from '@patchbay/testkit'
import { expect, test, vi } from 'vitest'
import plugin from './index.ts'

test('what the service answers is published for the device', async () => {
  const service = createServer((_request, response) =>
    response.setHeader('connection', 'close').end('{"temperature":21.5}'),
  )
  await once(service.listen(0, '127.0.0.1'), 'listening')
  const address = service.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const sessions = createFakeSessions()
  const host = await startPlugin(plugin, {
    manifest: new URL('../plugin.json', import.meta.url),
    config: { url: `http://127.0.0.1:${port}/`, device: 'room-1', everyMs: 100 },
    isolation: 'worker',
    sessions,
  })
  await vi.waitFor(() => expect(sessions.wills.length).toBeGreaterThan(0), { timeout: 5_000 })
  expect(sessions.wills[0]?.topic).toBe('devices/room-1/telemetry')
  expect(Buffer.from(sessions.wills[0]?.bytes ?? []).toString()).toBe('{"temperature":21.5}')
  expect(await host.stop()).toEqual({ failures: [], left: [] })
  service.close()
})
