import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { generate } from 'mqtt-packet'
import { RawClient, startAdapter, type Adapter } from './start-adapter.ts'

let folder: string
let adapter: Adapter

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-bad-'))
  adapter = await startAdapter(folder, undefined, { connectTimeoutMs: 300 })
})
afterAll(async () => {
  await adapter.stop()
  await rm(folder, { recursive: true, force: true })
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 4_000, interval: 5 })
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

async function stillServes(): Promise<void> {
  const before = adapter.platform.published.length
  const client = await adapter.connect({ clientId: 'witness', protocolVersion: 5 })
  await client.publishAsync('devices/a/telemetry', '1', { qos: 2 })
  await client.endAsync()
  expect(adapter.platform.published.length).toBeGreaterThan(before)
}

/** Waits until the server has closed or answered what it was sent, whichever comes. */
const sentBeforeLogin = (bytes: Buffer) =>
  new Promise<void>((resolve) => {
    const socket = connect(adapter.port, '127.0.0.1', () => socket.end(bytes))
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    socket.resume()
  })

describe('before the login', () => {
  const cases: [string, string][] = [
    ['nothing but zeros', '00 00 00 00'],
    ['a PUBLISH first', '30 05 00 01 61 31 32'],
    ['a PINGREQ first', 'c0 00'],
    ['a server’s CONNACK', '20 02 00 00'],
    ['a packet of type 15', 'f0 00'],
    ['a length of five bytes', '10 ff ff ff ff 01'],
    ['a CONNECT of 256 MiB', '10 ff ff ff 7f'],
    ['a CONNECT of 5,000 bytes', '10 88 27'],
    ['a CONNECT with flags', '13 0c 00 04 4d 51 54 54 04 02 00 00 00 00'],
    ['an empty CONNECT', '10 00'],
    ['a CONNECT with a name only', '10 06 00 04 4d 51 54 54'],
    ['a CONNECT with another name', '10 0c 00 04 4d 51 54 58 04 02 00 00 00 00'],
    ['a CONNECT with the reserved flag', '10 0c 00 04 4d 51 54 54 04 03 00 00 00 00'],
    ['a CONNECT that is too short for its id', '10 0c 00 04 4d 51 54 54 04 02 00 00 ff ff'],
    ['a will of QoS 3', '10 12 00 04 4d 51 54 54 04 1e 00 00 00 00 00 01 61 00 01 61'],
    ['a password without a user name in 3.1.1', '10 0f 00 04 4d 51 54 54 04 42 00 00 00 00 00 01 61'],
    ['a v5 CONNECT with an unknown property', '10 0f 00 04 4d 51 54 54 05 02 00 00 02 7f 00 00 00'],
    ['a v5 CONNECT with Receive Maximum 0', '10 10 00 04 4d 51 54 54 05 02 00 00 03 21 00 00 00 00'],
    ['a v5 CONNECT with a property length beyond its end', '10 0d 00 04 4d 51 54 54 05 02 00 00 7f 00 00'],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex')],
    ['a TLS hello', '16 03 01 02 00 01 00'],
  ]
  it.each(cases)('%s ends that connection alone', async (_what, bytes) => {
    await sentBeforeLogin(hex(bytes))
    await stillServes()
  })

  it('silence is cut', async () => {
    const raw = new RawClient(adapter.port)
    await until(() => expect(raw.closed).toBe(true))
  })
})

describe('after the login', () => {
  const cases: [string, 4 | 5, string][] = [
    ['a second CONNECT', 4, '10 0d 00 04 4d 51 54 54 04 02 00 00 00 01 61'],
    ['QoS 3', 4, '36 07 00 01 61 00 01 31 32'],
    ['DUP on QoS 0', 4, '38 05 00 01 61 31 32'],
    ['packet id 0 on a PUBLISH', 4, '32 07 00 01 61 00 00 31 32'],
    ['a PUBLISH without room for its id', 4, '32 03 00 01 61'],
    ['an empty topic', 4, '30 04 00 00 31 32'],
    ['a wildcard topic', 4, '30 05 00 01 23 31 32'],
    ['a topic longer than its packet', 4, '30 05 ff ff 31 32 33'],
    ['a topic with U+0000', 4, '30 05 00 01 00 31 32'],
    ['a topic that is not UTF-8', 4, '30 06 00 02 c3 28 31 32'],
    ['a PUBACK of nobody’s id', 4, '40 02 12 34'],
    ['a PUBACK without an id', 4, '40 00'],
    ['a PUBREC of nobody’s id', 4, '50 02 12 34'],
    ['a PUBREL without its flag', 4, '60 02 00 01'],
    ['a PUBREL of nobody’s id, twice', 4, '62 02 00 01 62 02 00 01'],
    ['a PUBCOMP of nobody’s id', 4, '70 02 00 01'],
    ['a SUBSCRIBE without filters', 4, '82 02 00 01'],
    ['a SUBSCRIBE with id 0', 4, '82 06 00 00 00 01 61 00'],
    ['a SUBSCRIBE with QoS 3', 4, '82 06 00 01 00 01 61 03'],
    ['a SUBSCRIBE to an empty filter', 4, '82 05 00 01 00 00 00'],
    ['a SUBSCRIBE to a#', 4, '82 07 00 01 00 02 61 23 00'],
    ['an UNSUBSCRIBE without filters', 4, 'a2 02 00 01'],
    ['an UNSUBSCRIBE from a/#/b', 4, 'a2 09 00 01 00 05 61 2f 23 2f 62'],
    ['a PINGREQ with a body', 4, 'c0 01 00'],
    ['a SUBACK', 4, '90 03 00 01 00'],
    ['an AUTH', 4, 'f0 00'],
    ['an AUTH of version 5', 5, 'f0 02 18 00'],
    ['a Response Topic without a value', 5, '30 08 00 01 61 03 08 00 00 31'],
    ['a Response Topic that ends early', 5, '30 06 00 01 61 01 08 31'],
    ['a Response Topic with a wildcard', 5, '30 09 00 01 61 04 08 00 01 23 31'],
    ['a topic alias that is not allowed', 5, '30 08 00 01 61 03 23 00 01 31'],
    ['a topic alias of 0', 5, '30 08 00 01 61 03 23 00 00 31'],
    ['an unknown property', 5, '30 07 00 01 61 02 7e 00 31'],
    ['a property length beyond the packet', 5, '30 05 00 01 61 7f 31'],
    ['a subscription identifier of 0', 5, '82 09 00 01 02 0b 00 00 01 61 00'],
    ['a DISCONNECT with a strange reason', 5, 'e0 01 ee'],
  ]
  it.each(cases)('%s harms nobody else', async (_what, version, bytes) => {
    const raw = new RawClient(adapter.port, version)
    raw.connect({ clientId: 'bad' })
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    raw.socket.write(hex(bytes))
    raw.socket.write(hex('c0 00'))
    await until(() => expect(raw.closed || raw.of('pingresp').length > 0).toBe(true))
    raw.socket.destroy()
    await stillServes()
  })

  it.each<[string, number, string]>([
    ['a property twice', 0x82, '30 08 00 01 61 04 01 00 01 00'],
    ['a property of another packet', 0x82, '30 06 00 01 61 02 0b 01'],
    ['a topic that is not UTF-8', 0x81, '30 05 00 02 c3 28 00'],
    ['a surrogate in a topic', 0x81, '30 06 00 03 ed a0 80 00'],
    ['a wildcard topic', 0x81, '30 05 00 01 23 00 31'],
    ['an alias over the maximum', 0x94, '30 07 00 01 61 03 23 00 21'],
    ['a wildcard in the Response Topic', 0x82, '30 08 00 01 61 04 08 00 01 23'],
    ['packet id 0', 0x82, '32 06 00 01 61 00 00 00'],
    ['the filter a#', 0x81, '82 08 00 01 00 00 02 61 23 00'],
    ['subscription identifier 0', 0x82, '82 09 00 01 02 0b 00 00 01 61 00'],
    ['a second CONNECT', 0x82, '10 0e 00 04 4d 51 54 54 05 02 00 00 00 00 01 61'],
    ['a packet that only a server sends', 0x82, '90 04 00 01 00 00'],
    ['a reason code that PUBREL does not have', 0x82, '62 03 00 01 80'],
  ])('MQTT 5 is told about %s with 0x%i, and the refusal is recorded', async (_what, reasonCode, bytes) => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect({ clientId: 'told' })
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    raw.socket.write(hex(bytes))
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode }])
    const code = reasonCode === 0x81 ? 'MQTT_MALFORMED' : 'MQTT_PROTOCOL_ERROR'
    expect(adapter.platform.refusals.at(-1)?.refusal.refused.code).toBe(code)
  })

  it.each([4, 5] as const)(
    'filters and topics called __proto__ or constructor harm nobody (version %i)',
    async (version) => {
      adapter.platform.extra.push({ action: 'subscribe', filter: '#' }, { action: 'publish', filter: '#' })
      const raw = new RawClient(adapter.port, version)
      raw.connect({ clientId: 'proto' })
      const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
      raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: names.map((topic) => ({ topic, qos: 1 as const })) })
      raw.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '__proto__', qos: 0 }] })
      for (const topic of names) raw.send({ cmd: 'publish', topic, payload: '1', qos: 0, dup: false, retain: true })
      await until(() => expect(raw.of('publish').length).toBeGreaterThanOrEqual(names.length))
      raw.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: names })
      await until(() => expect(raw.of('unsuback')).toHaveLength(1))
      adapter.platform.extra.length = 0
      await stillServes()
    },
  )

  it('a packet over the limit is cut at its header and told in version 5', async () => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect({ clientId: 'large' })
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    raw.socket.write(hex('30 ff ff ff 7f'))
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x95 }])
    expect(adapter.platform.refusals.at(-1)?.refusal.refused.code).toBe('MQTT_PACKET_TOO_LARGE')
  })

  it('a whole packet in single bytes is read as one', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect({ clientId: 'slow' })
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    const bytes = generate({
      cmd: 'publish',
      topic: 'devices/a/x',
      payload: 'hello',
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    })
    raw.socket.setNoDelay(true)
    for (const byte of bytes) {
      raw.socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => expect(raw.of('puback')).toHaveLength(1))
  })

  it('mutations of good packets end no more than their own connection', async () => {
    const good = [
      generate(
        {
          cmd: 'publish',
          topic: 'devices/a/x',
          payload: 'hello',
          qos: 1,
          messageId: 1,
          dup: false,
          retain: true,
          properties: { responseTopic: 'r', userProperties: { k: 'v' } },
        },
        { protocolVersion: 5 },
      ),
      generate(
        {
          cmd: 'subscribe',
          messageId: 2,
          subscriptions: [{ topic: 'devices/a/#', qos: 1 }],
          properties: { subscriptionIdentifier: 3 },
        },
        { protocolVersion: 5 },
      ),
      generate({ cmd: 'pubrel', messageId: 2 }, { protocolVersion: 5 }),
      generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['devices/a/#'] }, { protocolVersion: 5 }),
    ]
    const mutation = fc.record({
      which: fc.nat(good.length - 1),
      changes: fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const raw = new RawClient(adapter.port, 5)
        raw.connect({ clientId: 'fuzz' })
        await until(() => expect(raw.of('connack').length > 0 || raw.closed).toBe(true))
        for (const { which, changes } of mutations) {
          const bytes = Buffer.from(good[which] ?? [])
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          raw.socket.write(bytes)
        }
        raw.socket.end()
        await until(() => expect(raw.closed).toBe(true))
      }),
      { numRuns: 150 },
    )
    await stillServes()
  })
})
