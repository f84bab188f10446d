import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { fuzzWire, p99LimitMs } from '../harness/fuzz-wire.ts'
import { connectGrpc } from '../harness/grpc-client.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'
import { isLong } from '../harness/random.ts'
import { recordClient } from '../harness/record-client.ts'

const prefaceBytes = 24
const headBytes = 9

/** The preface and frames of HTTP/2 that bytes of a client are made of. */
function cut(bytes: Buffer): Buffer[] {
  const frames = [bytes.subarray(0, prefaceBytes)]
  for (let at = prefaceBytes; at < bytes.length;) {
    const size = headBytes + bytes.readUIntBE(at, 3)
    frames.push(bytes.subarray(at, at + size))
    at += size
  }
  return frames
}

test('mutated frames harm nobody else', { timeout: isLong ? 1_800_000 : 60_000 }, async () => {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path })
  try {
    const api = createApi(server.url)
    const device = await createDevice(api, 'fuzz-1')
    const good = await createDevice(api, 'good-1')
    const bytes = await recordClient(server.port, async (port) => {
      const client = connectGrpc(port, { auth: `${device.id}:${device.secret}` })
      await client.publish('devices/fuzz-1/telemetry', '{"a":1.5,"b":"x"}')
      const heard = client.subscribe('devices/fuzz-1/hello')
      heard.on('error', () => undefined)
      await once(heard, 'metadata')
      const stream = client.publishStream()
      stream.write({ topic: 'devices/fuzz-1/hello', payload: Buffer.from('hello'), id: 1 })
      await once(heard, 'data')
      stream.end()
      await once(stream.resume(), 'end')
      heard.cancel()
      client.close()
    })
    const frames = cut(bytes)
    expect(frames.length).toBeGreaterThan(8)
    const client = connectGrpc(server.port, { auth: `${good.id}:${good.secret}` })
    const figures = await fuzzWire({
      name: 'grpc fuzz',
      server,
      frames,
      async wellBehaved() {
        expect(await client.publish('sensors/good-1/n', '1')).toHaveProperty('code', 0)
      },
    })
    expect(figures.errors).toEqual([])
    expect(server.child.exitCode).toBeNull()
    expect(figures.p99Ms).toBeLessThan(p99LimitMs)
    if (isLong) expect(figures.growth).toBeLessThan(1.3)
    client.close()
  } finally {
    await server.stop()
    await data.remove()
  }
})
