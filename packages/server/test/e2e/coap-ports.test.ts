import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { startInProcess } from '../harness/in-process.ts'

test('a taken CoAP port is degraded and says so; the DTLS port and the one port work all the same', async () => {
  const [taken, free] = [createSocket('udp4'), createSocket('udp4')]
  for (const socket of [taken, free]) {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  const [coap, coaps] = [taken.address().port, free.address().port]
  free.close()
  const server = await startInProcess({
    env: { PATCHBAY_COAP_PORT: String(coap), PATCHBAY_COAPS_PORT: String(coaps) },
  })
  try {
    const api = createApi(server.url)
    const { items } = (await api.get('/api/v1/system/listeners')).body
    const of = (name: string) => items.find((one: { name: string }) => one.name === name)
    expect(of('coap')).toMatchObject({ state: 'degraded', detail: expect.stringContaining('taken by another program') })
    expect(of('coaps')).toMatchObject({ state: 'listening', port: coaps, transport: 'udp', tls: 'always' })
    expect(of('main-udp')).toMatchObject({ state: 'listening', port: server.port })
    const { status } = (await api.get('/api/v1/plugins/adapter-coap/instances/default')).body
    expect(status).toMatchObject({ state: 'degraded', text: expect.stringContaining(`coap: 127.0.0.1:${coap} (UDP)`) })
  } finally {
    await server.close()
    taken.close()
  }
})
