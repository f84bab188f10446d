import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode } from 'cborg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFakeSessions, type FakeSessions, type StartedPlugin, startPlugin } from '@patchbay/testkit'
import { Refused } from '@patchbay/sdk'
import plugin from '../src/index.ts'
import { type CoapClient, createCoapClient, optionOf, type Sent, uintOf } from './coap-client.ts'

const device = { id: 'meter-1', secret: 'secret-of-meter-1' }
const query = { user: device.id, pass: device.secret }
const telemetry = `devices/${device.id}/telemetry`

let sessions: FakeSessions
let host: StartedPlugin
let client: CoapClient

const start = async (more: Partial<Parameters<typeof createFakeSessions>[0]> = {}, config: object = {}) => {
  sessions = createFakeSessions({ devices: { [device.id]: device.secret, 'meter-2': 'secret-2' }, ...more })
  const manifest = new URL('../plugin.json', import.meta.url)
  host = await startPlugin(plugin, { manifest, sessions, config: { port: 0, securePort: 0, ...config } })
  client = createCoapClient(await host.datagrams.connect())
}
beforeEach(() => start())
afterEach(() => host.stop())
const restart = async (...how: Parameters<typeof start>) => {
  await host.stop()
  await start(...how)
}

const post = (payload: string | Buffer, more: Sent = {}) => client.ask({ path: telemetry, query, payload, ...more })
const get = (path: string, more: Sent = {}) => client.ask({ code: '0.01', path, query, ...more })
const option = (name: string | number, ...bytes: number[]) => ({ name, value: Buffer.from(bytes) })
const texts = () => sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())
const echoOf = (packet: Awaited<ReturnType<CoapClient['ask']>>) => {
  const value = optionOf(packet, '252')
  return value ? [{ name: 252, value }] : []
}
/** Shows where it is, so that it is no longer asked. */
const verify = async () => {
  const challenge = await get(`devices/${device.id}/commands`)
  expect([challenge.code, echoOf(challenge).length]).toEqual(['4.01', 1])
  expect((await get(`devices/${device.id}/commands`, { options: echoOf(challenge) })).code).toBe('2.05')
}

describe('publishing', () => {
  test('a confirmable POST is answered in its acknowledgement, with QoS 1; a NON one with a NON, at QoS 0', async () => {
    expect(await post('{"a":1}')).toMatchObject({ code: '2.04', ack: true })
    expect(await post('{"a":2}', { confirmable: false })).toMatchObject({
      code: '2.04',
      ack: false,
      confirmable: false,
    })
    expect(sessions.published.map(({ topic, how }) => [topic, how.qos])).toEqual([
      [telemetry, 1],
      [telemetry, 0],
    ])
    expect(texts()).toEqual(['{"a":1}', '{"a":2}'])
    // One session for both.
    expect(sessions.opened).toHaveLength(1)
    expect(sessions.opened[0]?.peer).toMatchObject({ protocol: 'coap', request: true, encrypted: false })
  })

  test('CBOR by Content-Format 60, and retain by the query', async () => {
    await post(Buffer.from(encode({ a: 1 })), { options: [option('Content-Format', 60)] })
    await post('1', { query: { ...query, retain: 'true' } })
    expect(decode(sessions.published[0]?.bytes ?? new Uint8Array())).toEqual({ a: 1 })
    expect(sessions.published.map(({ how }) => [how.contentType, how.retain])).toEqual([
      ['application/cbor', undefined],
      [undefined, true],
    ])
  })

  test('a message id that comes again is answered again and published once', async () => {
    const sent = client.send({ path: telemetry, query, payload: '1' })
    const first = await client.next()
    client.send({ path: telemetry, query, payload: '1', ...sent })
    expect(await client.next()).toEqual(first)
    expect(sessions.published).toHaveLength(1)
    // The same id of another endpoint is another message.
    const other = createCoapClient(await host.datagrams.connect())
    expect((await other.ask({ path: telemetry, query, payload: '2', messageId: sent.messageId })).code).toBe('2.04')
  })

  test('what takes longer is acknowledged first and answered by itself, again until that is acknowledged', async () => {
    sessions.autoSettle = false
    const { messageId, token } = client.send({ path: telemetry, query, payload: '1' })
    expect(await client.next()).toMatchObject({ code: '0.00', ack: true, messageId })
    // A duplicate gets the empty acknowledgement again.
    client.send({ path: telemetry, query, payload: '1', messageId, token })
    expect(await client.next()).toMatchObject({ code: '0.00', ack: true, messageId })
    sessions.published[0]?.settle()
    const response = await client.next()
    expect(response).toMatchObject({ code: '2.04', confirmable: true, token })
    expect(await client.next()).toEqual(response)
    client.acknowledge(response)
    expect(sessions.published).toHaveLength(1)
  })

  test.each([
    ['credentials', '4.01', undefined],
    ['banned', '4.03', undefined],
    ['forbidden', '4.03', undefined],
    ['malformed', '4.00', undefined],
    ['invalid', '4.00', undefined],
    ['too-large', '4.13', undefined],
    ['quota', '4.29', 1],
    ['unavailable', '5.03', 5],
  ] as const)('a refusal for %s is %s', async (reason, code, maxAge) => {
    await restart({ decide: () => new Refused(reason, 'SOME_CODE', 'step', 'why') })
    const answer = await post('1')
    expect([answer.code, String(answer.payload)]).toEqual([code, 'SOME_CODE: why'])
    expect(uintOf(answer, 'Max-Age')).toBe(maxAge)
  })

  test('a wrong secret and none at all are 4.01, and nothing is published', async () => {
    expect((await post('1', { query: { ...query, pass: 'no' } })).code).toBe('4.01')
    expect((await post('1', { query: {} })).code).toBe('4.01')
    expect(sessions.published).toEqual([])
  })

  test.each<[string, Sent, string]>([
    ['an unknown critical option', { options: [option(9999, 1)] }, '4.02'],
    ['a critical option that may come once, twice', { options: [option('Accept', 50), option('Accept', 50)] }, '4.02'],
    ['If-Match', { options: [option('If-Match', 1)] }, '4.02'],
    ['a path segment with a slash', { path: '', options: [option('Uri-Path', 0x61, 0x2f, 0x62)] }, '4.00'],
    ['a path that is no UTF-8', { path: '', options: [option('Uri-Path', 0xff)] }, '4.00'],
    ['a query that is no UTF-8', { options: [option('Uri-Query', 0xff)] }, '4.00'],
    ['a user given twice', { options: [{ name: 'Uri-Query', value: Buffer.from('user=x') }] }, '4.00'],
    ['the reserved block size', { options: [option('Block1', 7)] }, '4.00'],
    ['a block that is shorter than it says', { options: [option('Block1', 0x0e)] }, '4.00'],
    ['a proxy request', { options: [{ name: 'Proxy-Uri', value: Buffer.from('coap://x') }] }, '5.05'],
    ['PUT', { code: '0.03' }, '4.05'],
    ['FETCH', { code: '0.05' }, '4.05'],
  ])('%s is refused', async (_name, more, code) => {
    expect((await post('1', more)).code).toBe(code)
    expect(sessions.published).toEqual([])
  })

  test('an unknown critical option in a NON is passed over in silence', async () => {
    client.send({ path: telemetry, query, payload: '1', confirmable: false, options: [option(9999, 1)] })
    expect((await post('2')).code).toBe('2.04')
    expect([client.received.length, texts()]).toEqual([1, ['2']])
  })

  test('an unknown elective option is passed over', async () => {
    expect((await post('1', { options: [option(9998, 1, 2, 3)] })).code).toBe('2.04')
  })
})

describe('messages', () => {
  const rst = (messageId: number) => ({ code: '0.00', reset: true, messageId })
  test('a ping and a response that nobody asked for are reset', async () => {
    client.raw(Buffer.from([0x40, 0, 0x12, 0x34]))
    expect(await client.next()).toMatchObject(rst(0x1234))
    client.raw(Buffer.from([0x40, 0x45, 0x12, 0x35]))
    expect(await client.next()).toMatchObject(rst(0x1235))
  })

  test.each([
    ['a token of 9 bytes', '49020001' + '00'.repeat(9)],
    ['an empty message with a payload', '40000001ff01'],
    ['a reserved class', '40200001'],
    ['a marker without a payload', '40020001b161ff'],
    ['an option that leads past the end', '40020001b561'],
    ['an extended length past the end', '40020001bd'],
    ['the reserved option delta', '40020001f1ff'],
  ])('%s is a format error: reset where it is confirmable, else ignored', async (_name, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    client.raw(bytes)
    expect(await client.next()).toMatchObject(rst(1))
    const non = Buffer.from(bytes)
    non[0] = (non[0] ?? 0) | 0x10
    client.raw(non)
    client.raw(Buffer.from([0x80, 2, 0, 9]))
    client.raw(Buffer.from([0x40, 0, 0, 2]))
    // Only the ping behind it is answered.
    expect(await client.next()).toMatchObject(rst(2))
  })

  test('more datagrams a second than permitted are dropped', async () => {
    await restart({}, { datagramsPerSecond: 10 })
    for (let i = 0; i < 100; i++) client.raw(Buffer.from([0x40, 0, 0, i]))
    await client.next(({ messageId }) => messageId === 19)
    expect(client.received).toHaveLength(20)
    await vi.waitFor(async () => {
      client.raw(Buffer.from([0x40, 0, 1, 1]))
      await client.next(({ messageId }) => messageId === 257, 50)
    })
  })
})

describe('Block1', () => {
  const block = (number: number, more: boolean, exponent = 0): Sent => ({
    options: [{ name: 'Block1', value: Buffer.from([number >> 4, ((number & 15) << 4) | (more ? 8 : 0) | exponent]) }],
  })
  const part = (number: number) => String(number % 10).repeat(16)

  test('a body in blocks is published once, when it is whole', async () => {
    for (let number = 0; number < 40; number++) {
      const answer = await post(part(number), block(number, true))
      expect([answer.code, uintOf(answer, 'Block1')]).toEqual(['2.31', number * 16 + 8])
    }
    expect(sessions.published).toEqual([])
    // The last of the blocks once more, since its answer was lost, is no new block.
    expect((await post(part(39), block(39, true))).code).toBe('2.31')
    const last = await post('end', block(40, false))
    expect([last.code, uintOf(last, 'Block1')]).toEqual(['2.04', 40 * 16])
    expect(texts()).toEqual([Array.from({ length: 40 }, (_, at) => part(at)).join('') + 'end'])
  })

  test('uploads are told apart by endpoint, path and Request-Tag', async () => {
    const tagged = (tag: number, of: Sent): Sent => ({ options: [...(of.options ?? []), option(292, tag)] })
    const other = createCoapClient(await host.datagrams.connect())
    await post('a'.repeat(16), tagged(1, block(0, true)))
    await post('b'.repeat(16), tagged(2, block(0, true)))
    await other.ask({ path: telemetry, query, payload: 'c'.repeat(16), ...block(0, true) })
    await post('d'.repeat(16), { ...block(0, true), path: `${telemetry}/x` })
    await post('A', tagged(1, block(1, false)))
    await post('B', tagged(2, block(1, false)))
    await other.ask({ path: telemetry, query, payload: 'C', ...block(1, false) })
    await post('D', { ...block(1, false), path: `${telemetry}/x` })
    expect(texts()).toEqual(['a', 'b', 'c', 'd'].map((letter) => letter.repeat(16) + letter.toUpperCase()))
  })

  test('a gap is 4.08 and the upload is over', async () => {
    expect((await post(part(1), block(1, true))).code).toBe('4.08')
    await post(part(0), block(0, true))
    expect((await post(part(2), block(2, true))).code).toBe('4.08')
    expect((await post(part(1), block(1, true))).code).toBe('4.08')
  })

  test('what is announced as too large is 4.13 at once, with the size that is permitted', async () => {
    await restart({}, { maxMessageKib: 1 })
    const size1 = (bytes: number) => ({ name: 'Size1', value: Buffer.from([bytes >> 16, bytes >> 8, bytes & 0xff]) })
    const announced = await post(part(0), { options: [...(block(0, true).options ?? []), size1(1025)] })
    expect([announced.code, uintOf(announced, 'Size1')]).toEqual(['4.13', 1024])
    const far = { name: 'Block1', value: Buffer.from([0xff, 0xff, 0xf8]) }
    expect((await post(part(0), { options: [far] })).code).toBe('4.13')
    expect((await post('x'.repeat(1025))).code).toBe('4.13')
    for (let number = 0; number < 64; number++) await post(part(number), block(number, true))
    expect((await post(part(64), block(64, true))).code).toBe('4.13')
    expect(sessions.published).toEqual([])
  })

  test('who does not prove itself cannot begin one, and one address can begin 64', async () => {
    expect((await post(part(0), { ...block(0, true), query: { user: device.id, pass: 'no' } })).code).toBe('4.01')
    const begin = (tag: number) => post(part(0), { options: [...(block(0, true).options ?? []), option(292, tag)] })
    for (let tag = 0; tag < 64; tag++) expect((await begin(tag)).code).toBe('2.31')
    expect((await begin(64)).code).toBe('5.03')
  })
})

describe('reading', () => {
  const commands = `devices/${device.id}/commands`
  const shadow = `devices/${device.id}/shadow/desired`
  const observing = { options: [{ name: 'Observe', value: Buffer.alloc(0) }] }
  /** The session of the observer: those of requests are marked as such. */
  const live = () => sessions.opened.filter(({ peer }) => !peer.request)

  test('the desired shadow, and what is larger than a block in blocks of one state', async () => {
    await verify()
    const [session] = sessions.opened
    const delta = { text: 'x'.repeat(3000) }
    if (session) session.desired = { delta, version: 3 }
    const first = await get(shadow)
    expect([first.code, uintOf(first, 'Block2'), uintOf(first, 'Size2')]).toEqual(['2.05', 0x0e, 3033])
    if (session) session.desired = { delta: {}, version: 4 }
    const bodies = [first.payload]
    for (const number of [1, 2]) {
      const next = await get(shadow, { options: [option('Block2', number * 16 + 6)] })
      expect(optionOf(next, 'ETag')).toEqual(optionOf(first, 'ETag'))
      bodies.push(next.payload)
    }
    expect(JSON.parse(Buffer.concat(bodies).toString())).toEqual({ delta, version: 3 })
    const small = await get(shadow, { options: [option('Block2', 0)] })
    expect([small.payload.length, uintOf(small, 'Block2')]).toEqual([16, 8])
    expect((await get(shadow, { options: [option('Block2', 0xff, 0xf0)] })).code).toBe('4.00')
  })

  test('a large answer goes only to who shows by Echo where it is; small ones to everybody', async () => {
    await post('1')
    const [session] = sessions.opened
    if (session) session.desired = { delta: { small: true }, version: 1 }
    expect((await get(shadow)).code).toBe('2.05')
    if (session) session.desired = { delta: { text: 'x'.repeat(900) }, version: 1 }
    const challenge = await get(shadow)
    expect([challenge.code, challenge.payload.length, echoOf(challenge).length]).toEqual(['4.01', 0, 1])
    const forged = echoOf(challenge).map(({ name, value }) => ({ name, value: Buffer.from(value).fill(1, 4) }))
    expect((await get(shadow, { options: forged })).code).toBe('4.01')
    const other = createCoapClient(await host.datagrams.connect())
    await other.ask({ path: telemetry, query, payload: '1' })
    const theirs = sessions.opened.at(-1)
    if (theirs) theirs.desired = { delta: { text: 'x'.repeat(900) }, version: 1 }
    expect((await other.ask({ code: '0.01', path: shadow, query, options: echoOf(challenge) })).code).toBe('4.01')
    expect((await get(shadow, { options: echoOf(challenge) })).code).toBe('2.05')
    expect((await get(shadow)).code).toBe('2.05')
  })

  test('commands that are polled are taken only by who shows where it is', async () => {
    await post('1')
    sessions.opened[0]?.queueCommand({ id: 'c1', name: 'restart' })
    const challenge = await get(commands)
    expect(challenge.code).toBe('4.01')
    const taken = await get(commands, { options: echoOf(challenge) })
    expect(JSON.parse(String(taken.payload))).toEqual([{ id: 'c1', name: 'restart' }])
  })

  test('an observed command is delivered when its notification is acknowledged', async () => {
    const first = await get(commands, observing)
    expect([first.code, String(first.payload), uintOf(first, 'Observe')]).toEqual(['2.05', '[]', expect.any(Number)])
    const [session] = live()
    expect(session?.subscriptions).toEqual([`devices/${device.id}/commands/+`])
    const delivered = vi.fn<() => void>()
    const sending = session?.send({ topic: `${commands}/c1`, bytes: '{"name":"restart","params":{"a":1}}', qos: 1 })
    void sending?.then(delivered)
    const notification = await client.next()
    expect(notification).toMatchObject({ code: '2.05', confirmable: true, token: first.token })
    expect(JSON.parse(String(notification.payload))).toEqual([{ id: 'c1', name: 'restart', params: { a: 1 } }])
    expect(uintOf(notification, 'Observe')).toBeGreaterThan(uintOf(first, 'Observe') ?? 0)
    expect(delivered).not.toHaveBeenCalled()
    client.acknowledge(notification)
    await sending
  })

  test('one notification is under way at a time, in order, and sent again while it is not acknowledged', async () => {
    await get(commands, observing)
    const sent = ['c1', 'c2'].map((id) =>
      live()[0]?.send({ topic: `${commands}/${id}`, bytes: '{"name":"n"}', qos: 1 }),
    )
    const first = await client.next()
    expect(String(first.payload)).toContain('c1')
    expect(await client.next()).toEqual(first)
    client.acknowledge(first)
    const second = await client.next()
    expect(String(second.payload)).toContain('c2')
    client.acknowledge(second)
    await Promise.all(sent)
  })

  test('a reset ends the observation, and the command is not delivered', async () => {
    await get(commands, observing)
    const sent = live()[0]?.send({ topic: `${commands}/c1`, bytes: '{"name":"n"}', qos: 1 })
    client.reset(await client.next())
    await expect(sent).rejects.toMatchObject({ code: 'COAP_NOT_ACKNOWLEDGED' })
    expect(live()[0]?.closed).toBe(true)
  })

  test('registering again replaces, Observe 1 ends, and both resources share one session', async () => {
    await get(commands, observing)
    await get(commands, observing)
    await get(shadow, observing)
    expect(live()).toHaveLength(1)
    expect(live()[0]?.subscriptions).toHaveLength(2)
    await get(shadow, { options: [option('Observe', 1)] })
    expect(live()[0]?.subscriptions).toHaveLength(1)
    await verify()
    await get(commands, { options: [option('Observe', 1)] })
    expect(live()[0]?.closed).toBe(true)
  })

  test('registrations that come together share one session', async () => {
    const sent = [commands, shadow].map((path) => client.ask({ code: '0.01', path, query, ...observing }))
    expect((await Promise.all(sent)).map(({ code }) => code)).toEqual(['2.05', '2.05'])
    expect(live().map(({ subscriptions }) => subscriptions.length)).toEqual([2])
  })

  test('observers are dismissed while the ports are still open', async () => {
    // A socket that outlives the host of the test.
    const socket = createSocket('udp4')
    socket.connect(client.socket.remoteAddress().port, '127.0.0.1')
    await once(socket, 'connect')
    const own = createCoapClient(socket)
    const { token } = await own.ask({ code: '0.01', path: commands, query, ...observing })
    const stopped = host.stop()
    const goodbye = await own.next()
    own.close()
    await stopped
    expect(goodbye).toMatchObject({ code: '5.03', token })
  })

  test('a session that is revoked says 4.03 and is over', async () => {
    const { token } = await get(commands, observing)
    live()[0]?.end('revoked')
    const goodbye = await client.next()
    expect(goodbye).toMatchObject({ code: '4.03', token })
    client.acknowledge(goodbye)
  })

  test('the fifth endpoint of a device makes the first one leave', async () => {
    for (let at = 0; at < 5; at++) {
      const one = createCoapClient(await host.datagrams.connect())
      expect((await one.ask({ code: '0.01', path: commands, query, ...observing })).code).toBe('2.05')
    }
    expect(live().map(({ closed }) => closed)).toEqual([true, false, false, false, false])
  })

  test.each([
    ['another device’s commands', 'devices/meter-2/commands', {}, '4.03'],
    ['observing them', 'devices/meter-2/commands', observing, '4.03'],
    ['what is not there', 'devices/meter-1/telemetry', {}, '4.04'],
    ['another format', shadow, { options: [option('Accept', 60)] }, '4.06'],
  ])('%s is refused', async (_name, path, more, code) => {
    await verify()
    expect((await get(path, more)).code).toBe(code)
    expect(live()).toEqual([])
  })

  test('/.well-known/core lists the resources of who asks', async () => {
    const plain = await get('.well-known/core', { query: {} })
    expect([plain.code, String(plain.payload)]).toEqual(['2.05', '</devices>;ct="50 60",</sensors>;ct="0 50"'])
    await verify()
    expect(String((await get('.well-known/core')).payload)).toContain('</devices/meter-1/commands>;ct=50;obs')
    expect((await get('.well-known/core', { query: { user: device.id, pass: 'no' } })).code).toBe('4.01')
  })
})
