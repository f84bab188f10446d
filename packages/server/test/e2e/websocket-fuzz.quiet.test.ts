import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { fuzzWire, p99LimitMs } from '../harness/fuzz-wire.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'
import { isLong } from '../harness/random.ts'
import { connectWebSocket } from '../harness/websocket-client.ts'

/** A client's text frame, masked as RFC 6455 wants it. */
function frame(text: string): Buffer {
  const body = Buffer.from(text)
  const mask = randomBytes(4)
  const head =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255])
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ (mask[i % 4] ?? 0))])
}

test('mutated frames harm nobody else', { timeout: isLong ? 1_800_000 : 60_000 }, async () => {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path })
  try {
    const api = createApi(server.url)
    const device = await createDevice(api, 'fuzz-1')
    const good = await createDevice(api, 'good-1')
    const client = await connectWebSocket(server.port, { auth: `${good.id}:${good.secret}` })
    const hello = (more: string) =>
      Buffer.from(
        `GET /v1/ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
          `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n${more}\r\n`,
      )
    const figures = await fuzzWire({
      name: 'websocket fuzz',
      server,
      frames: [
        hello(`authorization: Basic ${btoa(`${device.id}:${device.secret}`)}\r\n`),
        frame('{"id":1,"publish":"devices/fuzz-1/telemetry","payload":{"a":1.5,"b":"x","c":{"d":[true,null]}}}'),
        frame('{"id":"s","subscribe":"devices/fuzz-1/#"}'),
        frame('{"id":2,"publish":"devices/fuzz-1/hello","text":"hello"}'),
        frame('{"id":3,"publish":"devices/fuzz-1/telemetry","base64":"oWF0AQ==","type":"application/cbor"}'),
        Buffer.from([0x89, 0x80, 1, 2, 3, 4]),
        frame('{"ack":1}'),
        frame(`{"id":4,"publish":"devices/fuzz-1/telemetry","payload":{"long":"${'x'.repeat(300)}"}}`),
        frame('{"id":5,"unsubscribe":"devices/fuzz-1/#"}'),
        frame('{"auth":{"id":"fuzz-1","secret":"wrong"}}'),
      ],
      async wellBehaved() {
        expect(await client.ask({ publish: 'sensors/good-1/n', payload: 1 })).toHaveProperty('ack')
      },
    })
    expect(figures.errors).toEqual([])
    expect(server.child.exitCode).toBeNull()
    expect(figures.p99Ms).toBeLessThan(p99LimitMs)
    if (isLong) expect(figures.growth).toBeLessThan(1.3)
    await client.close()
  } finally {
    await server.stop()
    await data.remove()
  }
})
