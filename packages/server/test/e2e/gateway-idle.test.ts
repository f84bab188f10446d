import type { Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { openClient, startSink } from '../../bench/gateway/peers.ts'
import { freePort, makeGatewayFolder } from '../harness/gateway-folder.ts'
import { makeDataFolder, type ServerProcess, startServer, testKey } from '../harness/server-process.ts'

const isLong = Boolean(process.env['PATCHBAY_TEST_LONG'])
const [connections, rereads, puts] = isLong ? [5_000, 100, 100] : [200, 10, 10]
let server: ServerProcess | undefined
const closing: (() => void | Promise<void>)[] = []
afterEach(async () => {
  await server?.stop()
  for (const close of closing.splice(0)) await close()
})

test(`${connections} idle connections stay while the file is read again ${rereads} times and the Admin API writes ${puts} times`, async () => {
  const [sink, port, data] = [await startSink(), await freePort(), await makeDataFolder()]
  const folder = await makeGatewayFolder()
  closing.push(sink.close, data.remove, folder.remove)
  const write = (round: number): Promise<void> =>
    folder.route(
      `stream_routes:\n  - id: 1\n    desc: round ${round}\n    plugins:\n      mqtt-proxy:\n        protocol_level: 4\n    upstream:\n      type: chash\n      key: mqtt_client_id\n      nodes:\n        "127.0.0.1:${sink.port}": ${1 + (round % 2)}\n#END\n`,
    )
  await folder.listen(port)
  await write(0)
  server = await startServer({ data: data.path, env: { PATCHBAY_GATEWAY: folder.path } })
  const api = (path: string, how: RequestInit = {}): Promise<Response> =>
    fetch(`${server?.url}${path}`, { ...how, headers: { 'x-api-key': testKey, authorization: `Bearer ${testKey}` } })
  await vi.waitFor(
    async () => expect(await (await api('/api/v1/gateway/routes')).text()).toContain('"route":"1"'),
    10_000,
  )

  let dropped = 0
  const clients: Socket[] = []
  for (let index = 0; index < connections; index += 50) {
    const some = Array.from({ length: 50 }, (_, one) => openClient(port, `idle-${index + one}`))
    for (const client of await Promise.all(some)) {
      client.once('close', () => (dropped += 1))
      clients.push(client)
    }
  }
  closing.unshift(() => {
    for (const client of clients) client.destroy()
  })
  for (let round = 1; round <= rereads; round++) {
    await write(round)
    const seen = async () =>
      expect(await (await api('/apisix/admin/stream_routes/1')).text()).toContain(`"round ${round}"`)
    await vi.waitFor(seen, 10_000)
  }
  for (let put = 0; put < puts; put++) {
    const body = JSON.stringify({ nodes: { [`127.0.0.1:${sink.port}`]: put } })
    expect((await api('/apisix/admin/upstreams/1', { method: 'PUT', body })).status).toBe(put === 0 ? 201 : 200)
  }
  const nodes = (await (await api('/api/v1/gateway/nodes')).json()) as { items: { active: number }[] }
  expect(nodes.items.find(({ active }) => active > 0)?.active).toBe(connections)
  // Each still carries a byte.
  const before = sink.bytes()
  for (const client of clients) client.write('x')
  await vi.waitFor(() => expect(sink.bytes()).toBe(before + connections), 10_000)
  expect(dropped).toBe(0)
}, 300_000)
