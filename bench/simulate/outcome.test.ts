import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpDevice } from './http-device.ts'
import { toMqttUrl } from './mqtt-device.ts'
import { OptionError, toOptions } from './options.ts'
import { createProgress, toBar } from './progress.ts'
import { count, createTally, latencyMs } from './tally.ts'
import { toPointCount } from './verify.ts'

describe('arguments', () => {
  const env = { PATCHBAY_API_KEY: 'k' }
  test('have the documented defaults', () => {
    expect(toOptions([], env)).toMatchObject({
      devices: 20,
      rate: 50,
      durationMs: 30_000,
      protocol: 'both',
      qos: 1,
      seed: 1,
    })
    expect(toOptions(['--help'], {})).toBeUndefined()
    expect(toOptions(['--speed', '600'], env)?.rate).toBeUndefined()
  })

  test.each([
    [['--rate', '5', '--speed', '5'], 'exclude'],
    [['--rate', '0'], '--rate'],
    [['--devices', '1.5'], 'whole'],
    [['--duration', '5'], '--duration'],
    [['--duration', '0s'], '--duration'],
    [['--protocol', 'smoke'], 'mqtt, http, coap, both'],
    [['--protocol', 'coap', '--url', 'https://x'], 'DTLS'],
    [['--dataset', 'mine'], 'nab, lorawan, shelly'],
    [['--qos', '2'], '0, 1'],
    [['--url', 'mqtt://x'], '--url'],
    [['--nonsense'], '--nonsense'],
  ])('%j is refused with a sentence', (args, words) => {
    expect(() => toOptions(args, env)).toThrow(OptionError)
    expect(() => toOptions(args, env)).toThrow(words)
  })

  test('without a key nothing can be made, and that is said', () => {
    expect(() => toOptions([], {})).toThrow('PATCHBAY_API_KEY')
  })
})

describe('the tally', () => {
  const message = { device: 0, points: 3, faulty: false, tookNanos: 2e6 }

  test('only an acknowledgement makes points that must be stored; an open outcome makes them unsure', () => {
    const tally = createTally(1)
    count(tally, { kind: 'stored' }, message)
    count(tally, { kind: 'unknown', why: 'cut' }, message)
    count(tally, { kind: 'sent' }, message)
    count(tally, { kind: 'refused', why: 'HTTP 403' }, message)
    expect(tally).toMatchObject({ sent: 4, stored: 1, refused: 1, unknown: 1 })
    expect(tally.devices[0]).toEqual({ acknowledged: 3, unsure: 6 })
    expect(tally.reasons.get('HTTP 403')).toBe(1)
    expect(latencyMs(tally, 50)).toBeCloseTo(2, 0)
  })

  test('what was wrong on purpose counts apart', () => {
    const tally = createTally(1)
    count(tally, { kind: 'refused', why: 'MQTT 0x99' }, { ...message, faulty: true, points: 0 })
    count(tally, { kind: 'stored' }, { ...message, faulty: true, points: 0 })
    expect(tally).toMatchObject({ refused: 0, refusedOnPurpose: 1, wronglyStored: 1 })
    expect(tally.devices[0]).toEqual({ acknowledged: 0, unsure: 0 })
  })
})

test('the counts of all keys and buckets are added up', () => {
  expect(toPointCount({ series: { a: [{ value: 2 }, { value: 3 }], b: [{ value: 1 }], c: [] } })).toBe(6)
  expect(() => toPointCount({})).toThrow(TypeError)
})

test('the MQTT address is the one port, with TLS where HTTP has it', () => {
  expect(toMqttUrl(new URL('http://127.0.0.1:8080'))).toBe('mqtt://127.0.0.1:8080')
  expect(toMqttUrl(new URL('https://iot.example'))).toBe('mqtts://iot.example:443')
})

describe('progress', () => {
  test('is one renewed line on a terminal and a plain line every few seconds elsewhere', () => {
    const written: string[] = []
    let now = 0
    const out = { isTTY: false, write: (text: unknown) => written.push(String(text)) > 0 }
    const plain = createProgress(out, () => now)
    for (now = 0; now < 10_000; now += 100) plain.update(now / 10_000, 'x')
    plain.end()
    expect(written).toHaveLength(2)
    expect(written[0]).toMatch(/\n$/)
    written.length = 0
    const bar = createProgress({ ...out, isTTY: true, columns: 40 }, () => 0)
    bar.update(0.5, 'a note that is too long for the line of this terminal')
    expect(written[0]).toMatch(/^\r\[█+░+\]/)
    expect(written[0]?.length).toBeLessThan(45)
  })

  test('never overflows', () => {
    expect(toBar(1.7)).toContain('100 %')
    expect(toBar(-1)).toContain('  0 %')
  })
})

describe('a device over HTTP', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })

  async function listen(status: number) {
    const seen: {
      url: string | undefined
      authorization: string | undefined
      body: string
      port: number | undefined
    }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        const { url, headers, socket } = request
        seen.push({ url, authorization: headers.authorization, body, port: socket.remotePort })
        if (status === 0) socket.destroy()
        else response.writeHead(status).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => new Promise((resolve) => server.close(() => resolve())))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const device = createHttpDevice({
      url: new URL(`http://127.0.0.1:${port}`),
      login: { username: 'a:b', password: 'pw' },
    })
    closers.unshift(() => device.close())
    return { device, seen }
  }

  test('posts to its own topic with its own secret, over a connection it keeps', async () => {
    const { device, seen } = await listen(204)
    expect(await device.send('{"t":1}')).toEqual({ kind: 'stored' })
    expect(await device.send('{"t":2}')).toEqual({ kind: 'stored' })
    expect(seen[0]).toMatchObject({
      url: '/v1/devices/a%3Ab/telemetry',
      authorization: `Basic ${btoa('a:b:pw')}`,
      body: '{"t":1}',
    })
    expect(seen[1]?.port).toBe(seen[0]?.port)
  })

  test('knows a refusal from an open outcome', async () => {
    expect(await (await listen(422)).device.send('{}')).toEqual({ kind: 'refused', why: 'HTTP 422' })
    expect(await (await listen(0)).device.send('{}')).toMatchObject({ kind: 'unknown' })
  })
})
