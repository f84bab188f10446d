import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { readProxyHeader, toProxyHeader } from '@patchbay/sdk/proxy-header'
import { toConnect } from './connect-bytes.ts'
import { createWorld, mqttRoute, startBroker, type World } from './world.ts'

let world: World | undefined
afterEach(() => world?.close())
const peer = { sourceAddress: '203.0.113.7', sourcePort: 50_000, targetAddress: '10.0.0.1', targetPort: 1883 }
const peer6 = {
  sourceAddress: '2001:db8:0:0:0:0:0:7',
  sourcePort: 1,
  targetAddress: '2001:db8:0:0:0:0:0:1',
  targetPort: 65_535,
}

describe.each([1, 2] as const)('version %i', (version) => {
  test.each([peer, peer6])('what is written is read, from any cut', (of) => {
    const bytes = toProxyHeader(version, of)
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('rest')]))).toEqual({ peer: of, length: bytes.length })
    for (let cut = 0; cut < bytes.length; cut++) expect(readProxyHeader(bytes.subarray(0, cut))).toBe('more')
  })
  test('a pair without a common family says nothing of itself', () => {
    const mixed = { ...peer, targetAddress: '::1' }
    expect(readProxyHeader(toProxyHeader(version, mixed))).toMatchObject({ peer: undefined })
  })
})

test('the specification’s own lines', () => {
  expect(readProxyHeader(Buffer.from('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'))).toMatchObject({
    length: 56,
  })
  expect(readProxyHeader(Buffer.from('PROXY UNKNOWN\r\n'))).toEqual({ peer: undefined, length: 15 })
  expect(toProxyHeader(1, peer).toString()).toBe('PROXY TCP4 203.0.113.7 10.0.0.1 50000 1883\r\n')
  expect(toProxyHeader(2, { ...peer6, sourceAddress: '2001:db8::7', targetAddress: '2001:db8::1' })).toEqual(
    toProxyHeader(2, peer6),
  )
})

test.each([
  'GET / HTTP/1.1\r\n',
  'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
  'PROXY TCP4 ::1 ::1 1 2\r\n',
  'PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n',
  `PROXY TCP4 ${'1'.repeat(120)}`,
])('%j is refused', (text) => expect(readProxyHeader(Buffer.from(text))).toBe('bad'))

test('random bytes are answered', () => {
  const start = toProxyHeader(2, peer).subarray(0, 12)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (tail) => void readProxyHeader(Buffer.concat([start, tail]))),
    { numRuns: 2_000 },
  )
})

test('in: the header’s address is the client’s; out: the node is told of it', async () => {
  const broker = await startBroker()
  world = await createWorld(mqttRoute([{ host: '127.0.0.1', port: broker.port, weight: 1 }], { proxy_protocol: 2 }))
  world.own(broker.close)
  const port = await world.listen({ proxyProtocol: true })
  const socket = await world.connect(port)
  // All in one: nothing of what follows the header may be lost.
  socket.write(Buffer.concat([toProxyHeader(1, peer), toConnect({ clientId: 'x' })]))
  await vi.waitFor(() => expect(broker.received[0]?.length).toBeGreaterThan(28))
  const got = broker.received[0] ?? Buffer.alloc(0)
  const read = readProxyHeader(got)
  expect(read).toMatchObject({ peer: { sourceAddress: '203.0.113.7', sourcePort: 50_000, targetPort: port } })
  expect(got.subarray(typeof read === 'object' ? read.length : 0)).toEqual(toConnect({ clientId: 'x' }))
  expect([...world.gateway.sessions.values()][0]?.address).toBe('203.0.113.7')
  const without = await world.connect(port)
  without.write(toConnect({ clientId: 'x' }))
  await once(without, 'close')
  expect(world.refused).toEqual(['GATEWAY_PROXY_HEADER'])
})

test('from an address that is not trusted no header is taken, whatever it says', async () => {
  const broker = await startBroker()
  const asked: string[] = []
  const trustsProxy = (address: string) => asked.push(address) > 1
  world = await createWorld(mqttRoute([{ host: '127.0.0.1', port: broker.port, weight: 1 }]), { trustsProxy })
  world.own(broker.close)
  const port = await world.listen({ proxyProtocol: true })
  const bytes = Buffer.concat([toProxyHeader(2, peer), toConnect({ clientId: 'x' })])
  const stranger = await world.connect(port)
  stranger.write(bytes)
  await once(stranger, 'close')
  expect(world.refused).toEqual(['GATEWAY_PROXY_UNTRUSTED'])
  expect(broker.sockets).toHaveLength(0)
  // The address that is asked about is the peer's, not the one in the header.
  expect(asked).toEqual(['127.0.0.1'])
  const trusted = await world.connect(port)
  trusted.write(bytes)
  await vi.waitFor(() => expect(broker.received[0]?.length).toBeGreaterThan(0))
})
