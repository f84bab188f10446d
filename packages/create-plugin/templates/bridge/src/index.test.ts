import { once } from 'node:events'
import { createServer } from 'node:http'
import { runBridge, startPlugin, toMessages } from '@patchbay/testkit'
import { expect, test, vi } from 'vitest'
import plugin from './index.ts'

test('messages go to the service, and those of it come here and are taken from it', async () => {
  const came: unknown[] = []
  const letters = ['open', 'shut']
  const service = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    response.setHeader('connection', 'close')
    if (request.method === 'POST') came.push(...JSON.parse(body))
    if (request.method === 'DELETE') letters.shift()
    response.end(request.method === 'GET' ? letters[0] : '')
  })
  await once(service.listen(0, '127.0.0.1'), 'listening')
  const address = service.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const host = await startPlugin(plugin, {
    manifest: new URL('../plugin.json', import.meta.url),
    config: { url: `http://127.0.0.1:${port}/`, everyMs: 100 },
    isolation: 'worker',
  })
  const bridge = host.bridges.get('my-plugin')
  if (!bridge) throw new Error(JSON.stringify(host.status))
  const { refused } = await runBridge(bridge, toMessages({ topic: 'devices/boiler-1/telemetry', count: 2 }))
  expect(refused).toEqual([])
  expect(came).toEqual(['0', '1'].map((text) => ({ topic: 'devices/boiler-1/telemetry', text })))
  await vi.waitFor(() => expect(letters).toEqual([]), { timeout: 5_000 })
  expect(host.bridged.published.map(({ topic, text }) => [topic, text])).toEqual([
    ['remote/message', 'open'],
    ['remote/message', 'shut'],
  ])
  expect(await host.stop()).toEqual({ failures: [], left: [] })
  service.close()
})
