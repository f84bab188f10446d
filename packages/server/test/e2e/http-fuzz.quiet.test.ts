import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createApi, createDevice } from '../harness/api.ts'
import { fuzzWire, p99LimitMs } from '../harness/fuzz-wire.ts'
import { createDeviceHttp } from '../harness/mqtt-client.ts'
import { isLong } from '../harness/random.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'

test('mutated requests harm nobody else', { timeout: isLong ? 1_800_000 : 60_000 }, async () => {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path })
  try {
    const api = createApi(server.url)
    const device = await createDevice(api, 'fuzz-1')
    const good = await createDevice(api, 'good-1')
    const authorization = `Basic ${btoa(`${device.id}:${device.secret}`)}`
    const ask = (line: string, headers: Record<string, string> = {}, body: Buffer = Buffer.alloc(0)): Buffer => {
      const all = { host: 'localhost', authorization, ...headers }
      const length = body.length > 0 && !('transfer-encoding' in headers) ? { 'content-length': `${body.length}` } : {}
      const lines = Object.entries({ ...all, ...length }).map(([name, value]) => `${name}: ${value}\r\n`)
      return Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`), body])
    }
    const json = Buffer.from('{"a":1.5,"b":"x","c":{"d":[true,null]}}')
    const path = 'POST /v1/devices/fuzz-1/telemetry'
    const asJson = { 'content-type': 'application/json' }
    const chunked = Buffer.from(`${json.length.toString(16)}\r\n${json.toString()}\r\n0\r\n\r\n`)
    const http = createDeviceHttp(server.url, good)
    const figures = await fuzzWire({
      name: 'http fuzz',
      server,
      frames: [
        ask(path, asJson, json),
        ask(path, { ...asJson, 'idempotency-key': 'fuzz' }, json),
        ask('POST /v1/sensors/fuzz-1/level?retain=true', {}, Buffer.from('7.5')),
        ask(path, { 'content-type': 'application/cbor' }, Buffer.from('a16463626f7205', 'hex')),
        ask(path, { ...asJson, 'content-encoding': 'gzip' }, gzipSync(json)),
        ask(path, { ...asJson, 'transfer-encoding': 'chunked' }, chunked),
        ask('GET /v1/devices/fuzz-1/commands'),
        ask('GET /v1/devices/fuzz-1/shadow/desired'),
        ask('GET /api/v1/session'),
        ask('POST /v1/devices/fuzz-1/commands/none/reply', asJson, Buffer.from('{"ok":true}')),
        ask('GET /v1/ws', { upgrade: 'websocket', connection: 'Upgrade' }),
      ],
      async wellBehaved() {
        expect((await http('sensors/good-1/n', '1')).status).toBe(204)
      },
    })
    expect(figures.errors).toEqual([])
    expect(server.child.exitCode).toBeNull()
    expect(figures.p99Ms).toBeLessThan(p99LimitMs)
    if (isLong) expect(figures.growth).toBeLessThan(1.3)
  } finally {
    await server.stop()
    await data.remove()
  }
})
