import { once } from 'node:events'
import { Refused, type RefusalReason } from '@patchbay/sdk'
import { createFakeSessions, startPlugin, type StartedPlugin } from '@patchbay/testkit'
import rhea, { type EventContext } from 'rhea'
import { afterEach, describe, expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { closeClient, connectClient, manifest, openSender, plain, sendOne } from './connect-client.ts'

let host: StartedPlugin
const start = async (config: object = {}, autoSettle = true) => {
  const sessions = createFakeSessions({
    devices: { 'meter-1': 's1' },
    autoSettle,
    decide: (action, topic, device) =>
      topic.includes(device) ? undefined : new Refused('forbidden', 'TOPIC_FORBIDDEN', 'default', `${action} ${topic}`),
  })
  host = await startPlugin(plugin, { manifest, config: { port: 0, ...config }, sessions })
}
afterEach(async () => {
  await host.stop()
})
const login = plain('meter-1', 's1')
const topic = 'devices/meter-1/telemetry'
const texts = () => host.sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())
const codes = () => host.sessions.refusals.map(({ refused }) => refused.code)
/** The library has it, its types do not. */
const creditOf = (link: object) => (link as { credit: number }).credit
const turns = async (count = 50) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

describe('publishing', () => {
  test('text, binary, data sections and large messages arrive as they were sent', async () => {
    await start()
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, topic)
    const large = 'x'.repeat(200_000)
    const { message } = rhea
    for (const body of ['{"a":1}', Buffer.from('{"b":2}'), message.data_section(Buffer.from('{"c":3}')), large])
      expect(await sendOne(sender, { body })).toEqual({ accepted: true })
    const sections = message.data_sections([Buffer.from('{"d":'), Buffer.from('4}')])
    expect(await sendOne(sender, { body: sections, content_type: 'application/cbor' })).toEqual({ accepted: true })
    expect(texts()).toEqual(['{"a":1}', '{"b":2}', '{"c":3}', large, '{"d":4}'])
    expect(host.sessions.published[4]?.how).toEqual({ qos: 1, contentType: 'application/cbor' })
    await closeClient(connection)
  })

  test('a link without an address takes the topic from each message', async () => {
    await start()
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, {})
    expect(await sendOne(sender, { to: topic, body: '1' })).toEqual({ accepted: true })
    expect(await sendOne(sender, { body: '1' })).toMatchObject({ rejected: { condition: 'amqp:decode-error' } })
    expect(host.sessions.published.map((each) => each.topic)).toEqual([topic])
    expect(codes()).toEqual(['AMQP_NO_TOPIC'])
    await closeClient(connection)
  })

  test.each([
    ['forbidden', { rejected: { condition: 'amqp:unauthorized-access', description: 'no' } }],
    ['malformed', { rejected: { condition: 'amqp:decode-error', description: 'no' } }],
    ['invalid', { rejected: { condition: 'amqp:decode-error', description: 'no' } }],
    ['too-large', { rejected: { condition: 'amqp:link:message-size-exceeded', description: 'no' } }],
    ['quota', { released: true }],
    ['unavailable', { released: true }],
  ] as const)('what is refused as %s has its outcome', async (reason: RefusalReason, outcome) => {
    await start({}, false)
    const connection = await connectClient(host, login)
    const sent = sendOne(await openSender(connection, topic), { body: '1' })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(1))
    host.sessions.published[0]?.settle(new Refused(reason, 'CODE', 'step', 'no'))
    expect(await sent).toEqual(outcome)
    await closeClient(connection)
  })

  test('too large and strange bodies are rejected, and the link goes on', async () => {
    await start()
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, topic)
    const tooLarge = { rejected: { condition: 'amqp:link:message-size-exceeded' } }
    expect(await sendOne(sender, { body: Buffer.alloc(300_000) })).toMatchObject(tooLarge)
    expect(await sendOne(sender, { body: Buffer.alloc(262_145) })).toMatchObject(tooLarge)
    const strange = { rejected: { condition: 'amqp:decode-error' } }
    expect(await sendOne(sender, { body: { a: 1 } })).toMatchObject(strange)
    expect(await sendOne(sender, { body: 5 })).toMatchObject(strange)
    expect(await sendOne(sender, { body: '{}' })).toEqual({ accepted: true })
    expect(texts()).toEqual(['{}'])
    await closeClient(connection)
  })

  test('pre-settled is QoS 0', async () => {
    await start({}, false)
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, topic, { snd_settle_mode: 1 })
    for (let n = 0; n < 150; n++) if (sender.sendable()) sender.send({ body: String(n) })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(100))
    expect(host.sessions.published[0]?.how.qos).toBe(0)
    host.sessions.published[0]?.settle(new Refused('invalid', 'PAYLOAD_INVALID', 'decode', 'no'))
    host.sessions.autoSettle = true
    for (const each of host.sessions.published) each.settle()
    expect(await sendOne(await openSender(connection, topic, { name: 'other' }), { body: 'end' })).toHaveProperty(
      'accepted',
    )
    await closeClient(connection)
  })

  test('credit is given back only as the store takes messages', async () => {
    await start({ credit: 10 }, false)
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, topic)
    let sent = 0
    const fill = () => {
      while (creditOf(sender) > sent - host.sessions.published.length && sent < 10_000) {
        sender.send({ body: String(sent++) })
        if (sent % 10 === 0) break
      }
    }
    fill()
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(10))
    await turns()
    expect(creditOf(sender)).toBe(0)
    for (const each of host.sessions.published.slice(0, 4)) each.settle()
    await turns()
    expect(creditOf(sender)).toBe(0)
    const more = once(sender, 'sendable')
    for (const each of host.sessions.published) each.settle()
    await more
    await vi.waitFor(() => expect(creditOf(sender)).toBe(10))
    await closeClient(connection)
  })
})

describe('receiving', () => {
  test('waits for credit, carries the topic, and is delivered when accepted', async () => {
    await start()
    const connection = await connectClient(host, login)
    const receiver = connection.open_receiver({
      source: { address: 'devices/meter-1/#' },
      credit_window: 0,
      autoaccept: false,
    })
    const messages: EventContext[] = []
    receiver.on('message', (context: EventContext) => messages.push(context))
    await once(receiver, 'receiver_open')
    const [session] = host.sessions.opened
    const delivered = vi.fn<() => void>()
    const first = session?.send({ topic: 'devices/meter-1/commands/c1', bytes: '{"name":"open"}', qos: 1 })
    void first?.then(delivered)
    await turns()
    expect(messages).toEqual([])
    receiver.add_credit(1)
    await vi.waitFor(() => expect(messages).toHaveLength(1))
    expect(messages[0]?.message).toMatchObject({ to: 'devices/meter-1/commands/c1' })
    expect(messages[0]?.message?.body.content.toString()).toBe('{"name":"open"}')
    await turns()
    expect(delivered).not.toHaveBeenCalled()
    messages[0]?.delivery?.accept()
    await first
    const second = session?.send({ topic: 'devices/meter-1/commands/c2', bytes: 'x'.repeat(150_000), qos: 1 })
    const outcome = second?.catch((error: unknown) => error)
    receiver.add_credit(1)
    await vi.waitFor(() => expect(messages).toHaveLength(2))
    expect(messages[1]?.message?.body.content).toHaveLength(150_000)
    messages[1]?.delivery?.release()
    expect(await outcome).toMatchObject({ code: 'AMQP_NOT_ACCEPTED' })
    await closeClient(connection)
  })

  test('a sender and a receiver of one link name on one connection work', async () => {
    await start()
    const connection = await connectClient(host, login)
    const sender = await openSender(connection, topic, { name: 'one' })
    // rhea itself knows links of a session by name alone, so its second link has a session of its own.
    const other = connection.create_session()
    other.open()
    const receiver = other.attach_receiver({ name: 'one', source: { address: 'devices/meter-1/hello' } })
    const [opened] = await once(receiver, 'receiver_open')
    expect(opened.receiver.name).toBe('one')
    const heard = once(receiver, 'message')
    await host.sessions.opened[0]?.send({ topic: 'devices/meter-1/hello', bytes: 'hi', qos: 1 })
    expect((await heard)[0].message.body.content.toString()).toBe('hi')
    expect(await sendOne(sender, { body: '1' })).toEqual({ accepted: true })
    await closeClient(connection)
  })

  test('a foreign filter ends the link alone', async () => {
    await start()
    const connection = await connectClient(host, login)
    const receiver = connection.open_receiver({ source: { address: 'devices/#' } })
    const [context] = await once(receiver, 'receiver_error')
    expect(context.receiver.error).toMatchObject({ condition: 'amqp:unauthorized-access' })
    expect(await sendOne(await openSender(connection, topic), { body: '1' })).toEqual({ accepted: true })
    await closeClient(connection)
  })

  test('credit that nothing waits for is taken back when the client drains', async () => {
    await start()
    const connection = await connectClient(host, login)
    const receiver = connection.open_receiver({ source: { address: 'devices/meter-1/#' }, credit_window: 0 })
    await once(receiver, 'receiver_open')
    receiver.add_credit(50)
    const drained = once(receiver, 'receiver_drained')
    receiver.drain_credit()
    await drained
    expect(creditOf(receiver)).toBe(0)
    await closeClient(connection)
  })

  test('a client that takes nothing loses QoS 0 and is cut for others', async () => {
    await start({ maxQueued: 10 })
    const connection = await connectClient(host, login)
    const receiver = connection.open_receiver({ source: { address: 'devices/meter-1/#' }, credit_window: 0 })
    await once(receiver, 'receiver_open')
    const [session] = host.sessions.opened
    const waiting = Array.from({ length: 10 }, () => session?.send({ topic: 'devices/meter-1/a', bytes: '1' }))
    await session?.send({ topic: 'devices/meter-1/a', bytes: '1' })
    const closed = once(connection, 'connection_close')
    const over = session?.send({ topic: 'devices/meter-1/a', bytes: '1', qos: 1 })
    await Promise.all([over, ...waiting])
    expect((await closed)[0].connection.error).toMatchObject({ condition: 'amqp:resource-limit-exceeded' })
    expect(codes()).toEqual(['AMQP_READS_TOO_SLOWLY'])
  })
})

describe('a connection', () => {
  test('logs in by EXTERNAL with a certificate, and not without', async () => {
    await start()
    const sasl_mechanisms = rhea.sasl.client_mechanisms()
    sasl_mechanisms.enable_external()
    const certificate = { deviceId: 'meter-1', fingerprint: 'f' }
    const connection = await connectClient(host, { sasl_mechanisms, certificate } as object)
    expect(host.sessions.opened[0]?.peer.credentials).toEqual({ kind: 'certificate', ...certificate })
    await closeClient(connection)
    await expect(connectClient(host, { sasl_mechanisms } as object)).rejects.toThrow('No suitable mechanism')
  })

  test('is not there for others than SASL, and closes in time', async () => {
    await start({ loginTimeoutMs: 200 })
    for (const hello of ['AMQP\x00\x01\x00\x00', 'AMQP\x00\x00\x09\x01']) {
      const socket = await host.connect()
      socket.write(Buffer.from(hello, 'latin1'))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString('latin1')).toBe('AMQP\x03\x01\x00\x00')
      await once(socket, 'close')
    }
    const silent = await host.connect()
    silent.write('AMQP')
    silent.resume()
    await once(silent, 'close')
    expect(codes()).toEqual(['AMQP_SASL', 'AMQP_SASL', 'AMQP_LOGIN_TIMEOUT'])
  })

  test('a login that is no login is refused as malformed', async () => {
    await start()
    const socket = await host.connect()
    socket.resume()
    // sasl-init with a number where the response belongs
    const init = '00000017 02010000 005341 c00a 02 a305 504c41494e 5205'
    socket.write(Buffer.from('AMQP\x03\x01\x00\x00', 'latin1'))
    socket.write(Buffer.from(init.replaceAll(' ', ''), 'hex'))
    await once(socket, 'close')
    expect(codes()).toEqual(['AMQP_MALFORMED'])
    expect(host.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('a frame announced too large is refused at its head', async () => {
    await start()
    const socket = await host.connect()
    socket.resume()
    socket.write(Buffer.from('AMQP\x03\x01\x00\x00\xff\xff\xff\xff\x02\x01\x00\x00', 'latin1'))
    await once(socket, 'close')
    expect(codes()).toEqual(['AMQP_MALFORMED'])
  })

  test.each([
    ['revoked', 'amqp:unauthorized-access'],
    ['disconnected', 'amqp:connection:forced'],
    ['shutdown', 'amqp:connection:forced'],
  ] as const)('ends with its session (%s: %s)', async (why, condition) => {
    await start()
    const connection = await connectClient(host, login)
    const closed = once(connection, 'connection_close')
    host.sessions.opened[0]?.end(why)
    expect((await closed)[0].connection.error).toMatchObject({ condition })
  })

  test('is kept alive as the client asks, and ended when it is silent', async () => {
    await start({ idleTimeoutMs: 2_000 })
    const connection = await connectClient(host, { ...login, idle_time_out: 2_000 })
    // rhea sends empty frames at half of what we ask for; without them we end it.
    expect(connection.idle_time_out).toBe(1_000)
    await new Promise((resolve) => setTimeout(resolve, 2_600))
    expect(connection.is_open()).toBe(true)
    const closed = once(connection, 'connection_close')
    vi.spyOn(connection as unknown as { _write_frame(): void }, '_write_frame').mockImplementation(() => undefined)
    clearTimeout((connection as unknown as { heartbeat_out: NodeJS.Timeout }).heartbeat_out)
    await closed
  })

  test('what is in flight is answered before the adapter says goodbye', async () => {
    await start({}, false)
    const connection = await connectClient(host, login)
    const sent = sendOne(await openSender(connection, topic), { body: '1' })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(1))
    const closed = once(connection, 'connection_close')
    const stopped = host.stop()
    host.sessions.published[0]?.settle()
    expect(await sent).toEqual({ accepted: true })
    expect((await closed)[0].connection.error).toMatchObject({ condition: 'amqp:connection:forced' })
    await stopped
  })
})
