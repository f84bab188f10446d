import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import grpc from '@grpc/grpc-js'
import { Refused, type RefusalReason } from '@patchbay/sdk'
import { createFakeSessions, startPlugin, type StartedPlugin } from '@patchbay/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { type Ack, type Client, connectClient, manifest, type Message, reflection } from './connect-client.ts'

const { status } = grpc
let host: StartedPlugin
let clients: Client[] = []
const start = async (config: object = {}, autoSettle = true) => {
  const sessions = createFakeSessions({
    devices: { 'meter-1': 's1' },
    autoSettle,
    decide: (action, topic, device) =>
      topic.includes(device) ? undefined : new Refused('forbidden', 'TOPIC_FORBIDDEN', 'default', `${action} ${topic}`),
  })
  host = await startPlugin(plugin, { manifest, config, sessions })
}
const connect = async (options: Parameters<typeof connectClient>[1] = { auth: 'meter-1:s1' }) => {
  const client = await connectClient(host, options)
  clients.push(client)
  return client
}
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await host.stop()
})
const topic = 'devices/meter-1/telemetry'
const texts = () => host.sessions.published.map(({ bytes }) => Buffer.from(bytes).toString())
const codes = () => host.sessions.refusals.map(({ refused }) => refused.code)
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: { code: number; details: string }) => ({ code: error.code, details: error.details }),
  )
const ended = (stream: { on(event: 'error', hear: (error: { code: number }) => void): unknown }) =>
  new Promise<number>((resolve) => stream.on('error', ({ code }) => resolve(code)))
const turns = async (count = 50) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

describe('Publish', () => {
  test('by Basic, Bearer and certificate; the ack carries the id', async () => {
    await start()
    const certificate = { deviceId: 'meter-1', fingerprint: 'f' }
    for (const options of [{ auth: 'meter-1:s1' }, { bearer: 's1' }, { certificate }]) {
      const client = await connect(options)
      expect(await client.publish(topic, '{"a":1}')).toEqual({ id: '7', code: 0, detail: '' })
    }
    expect(host.sessions.opened.map(({ peer }) => [peer.protocol, peer.credentials.kind, peer.request])).toEqual([
      ['grpc', 'password', true],
      ['grpc', 'bearer', true],
      ['grpc', 'certificate', true],
    ])
    const [first] = clients
    await first?.publish(topic, Buffer.from([0xa0]), { type: 'application/cbor' })
    expect(host.sessions.published.at(-1)).toMatchObject({
      bytes: Uint8Array.from([0xa0]),
      how: { qos: 1, contentType: 'application/cbor' },
    })
    // One login for all calls of a connection.
    expect(host.sessions.opened).toHaveLength(3)
  })

  test('without or with a wrong secret it is UNAUTHENTICATED, and nothing of it is published', async () => {
    await start()
    for (const options of [{}, { auth: 'meter-1:no' }, { auth: 'nobody' }]) {
      const client = await connect(options)
      expect(await failure(client.publish(topic, '{}'))).toMatchObject({ code: status.UNAUTHENTICATED })
    }
    expect(host.sessions.published).toEqual([])
  })

  test.each([
    ['credentials', status.UNAUTHENTICATED],
    ['banned', status.PERMISSION_DENIED],
    ['forbidden', status.PERMISSION_DENIED],
    ['malformed', status.INVALID_ARGUMENT],
    ['invalid', status.INVALID_ARGUMENT],
    ['too-large', status.INVALID_ARGUMENT],
    ['quota', status.RESOURCE_EXHAUSTED],
    ['unavailable', status.UNAVAILABLE],
  ] as const)('what is refused as %s has code %i', async (reason: RefusalReason, code) => {
    await start({}, false)
    const sent = failure((await connect()).publish(topic, '{}'))
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(1))
    host.sessions.published[0]?.settle(new Refused(reason, 'CODE', 'step', 'no \ud800'))
    expect(await sent).toEqual({ code, details: 'CODE: no \ufffd' })
  })

  test('announced huge messages and those that are none are refused, a deadline is kept', async () => {
    await start({}, false)
    const client = await connect()
    expect(await failure(client.publish(topic, 'x'.repeat(300_000)))).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    const nonsense = new Promise((resolve) =>
      client.channel.makeUnaryRequest(
        '/patchbay.v1.Devices/Publish',
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from('0aff', 'hex'),
        client.metadata,
        (error) => resolve(error?.code),
      ),
    )
    expect(await nonsense).toBe(status.INVALID_ARGUMENT)
    expect(await failure(client.publish(topic, '{}', { deadlineMs: 50 }))).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    })
    host.sessions.published.forEach((each) => each.settle())
  })
})

describe('PublishStream', () => {
  test('answers each message with its id, refused ones with their code', async () => {
    await start()
    const stream = (await connect()).publishStream()
    const acks: Ack[] = []
    stream.on('data', (ack: Ack) => acks.push(ack))
    stream.write({ topic, payload: Buffer.from('1'), id: '18446744073709551615' })
    stream.write({ topic: 'devices/other/telemetry', payload: Buffer.from('1'), id: '2' })
    stream.write({ topic, payload: Buffer.from('3'), id: '3' })
    stream.end()
    await once(stream, 'end')
    expect(acks.toSorted((a, b) => a.id.length - b.id.length || Number(a.id) - Number(b.id))).toEqual([
      { id: '2', code: status.PERMISSION_DENIED, detail: expect.stringContaining('TOPIC_FORBIDDEN') },
      { id: '3', code: 0, detail: '' },
      { id: '18446744073709551615', code: 0, detail: '' },
    ])
    expect(texts()).toEqual(['1', '3'])
    await vi.waitFor(() => expect(host.sessions.opened[0]?.closed).toBe(true))
  })

  test('reading waits while as many messages are in flight as permitted', async () => {
    await start({ maxInFlight: 5 }, false)
    const stream = (await connect()).publishStream()
    const acks: Ack[] = []
    stream.on('data', (ack: Ack) => acks.push(ack))
    for (let n = 0; n < 100; n++) stream.write({ topic, payload: Buffer.alloc(20_000), id: String(n) })
    stream.end()
    await vi.waitFor(() => expect(host.sessions.published.length).toBeGreaterThanOrEqual(5))
    await turns()
    expect(host.sessions.published.length).toBeLessThan(8)
    host.sessions.autoSettle = true
    for (const each of host.sessions.published) each.settle()
    await once(stream, 'end')
    expect(acks).toHaveLength(100)
  })

  test('what is in flight is answered before the adapter stops', async () => {
    await start({}, false)
    const stream = (await connect()).publishStream()
    const acks: Ack[] = []
    stream.on('data', (ack: Ack) => acks.push(ack))
    stream.write({ topic, payload: Buffer.from('1'), id: '1' })
    await vi.waitFor(() => expect(host.sessions.published).toHaveLength(1))
    const over = ended(stream)
    const client = clients.pop()
    const stopped = host.stop()
    host.sessions.published[0]?.settle()
    expect(await over).toBe(status.UNAVAILABLE)
    expect(acks).toEqual([{ id: '1', code: 0, detail: '' }])
    await client?.close()
    await stopped
  })
})

describe('Subscribe', () => {
  test('answers when it stands, and delivers', async () => {
    await start()
    const stream = (await connect({ auth: 'meter-1:s1', client: 'c1' })).subscribe('devices/meter-1/#', 'hall/meter-1')
    const heard: Message[] = []
    stream.on('data', (message: Message) => heard.push(message))
    stream.on('error', () => undefined)
    await once(stream, 'metadata')
    const [session] = host.sessions.opened
    expect(session?.peer).toMatchObject({ clientId: 'c1' })
    expect(session?.subscriptions).toEqual(['devices/meter-1/#', 'hall/meter-1'])
    await session?.send({ topic: 'devices/meter-1/commands/c1', bytes: '{"name":"open"}', qos: 1 })
    await vi.waitFor(() => expect(heard).toHaveLength(1))
    expect(heard[0]).toMatchObject({ topic: 'devices/meter-1/commands/c1', payload: Buffer.from('{"name":"open"}') })
    stream.cancel()
    await vi.waitFor(() => expect(session?.closed).toBe(true))
  })

  test('a foreign filter, none and too many are refused', async () => {
    await start()
    const client = await connect()
    expect(await ended(client.subscribe('devices/#').resume())).toBe(status.PERMISSION_DENIED)
    expect(await ended(client.subscribe().resume())).toBe(status.INVALID_ARGUMENT)
    const many = Array.from({ length: 201 }, (_, n) => `devices/meter-1/${n}`)
    expect(await ended(client.subscribe(...many).resume())).toBe(status.INVALID_ARGUMENT)
  })

  test.each([
    ['revoked', status.PERMISSION_DENIED],
    ['disconnected', status.UNAVAILABLE],
    ['taken-over', status.ABORTED],
  ] as const)('a session that ends (%s) ends its stream with %i', async (why, code) => {
    await start()
    const stream = (await connect()).subscribe('devices/meter-1/#').resume()
    const over = ended(stream)
    await once(stream, 'metadata')
    host.sessions.opened[0]?.end(why)
    expect(await over).toBe(code)
  })

  test('a client that does not read loses QoS 0 and is ended for others', async () => {
    await start({ maxWaitingKib: 64 })
    const stream = (await connect()).subscribe('devices/meter-1/#')
    const over = ended(stream)
    // The library reads ahead without end until its stream has been read once.
    stream.once('data', () => stream.pause())
    await once(stream, 'metadata')
    const [session] = host.sessions.opened
    const message = { topic: 'devices/meter-1/a', bytes: 'x'.repeat(20_000) }
    let settled = 0
    const send = (qos: 0 | 1) => void session?.send({ ...message, qos }).then(() => settled++)
    // The windows of HTTP/2 and what the library takes ahead are filled; then four messages stay.
    for (let round = 0; round < 30; round++) {
      send(0)
      await turns(5)
    }
    const before = settled
    for (let n = 0; n < 100; n++) send(0)
    await turns()
    expect(settled).toBeGreaterThanOrEqual(before + 96)
    expect(session?.closed).toBe(false)
    for (let n = 0; n < 5; n++) send(1)
    expect(codes()).toEqual(['GRPC_READS_TOO_SLOWLY'])
    stream.resume()
    expect(await over).toBe(status.RESOURCE_EXHAUSTED)
  })
})

describe('a connection', () => {
  test('without a call that logs in ends in time', async () => {
    await start({ loginTimeoutMs: 200 })
    const silent = await host.connect()
    silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    silent.resume()
    await once(silent, 'close')
    expect(codes()).toEqual(['GRPC_NO_CALL'])
  })

  test('tells tools what is served, once they have logged in', async () => {
    await start()
    const client = await connect()
    const mirror = new reflection.ServerReflection('unused', grpc.credentials.createInsecure(), {
      channelOverride: client.channel.getChannel(),
    })
    const ask = async (request: object, metadata = client.metadata) => {
      const stream = mirror.ServerReflectionInfo(metadata)
      stream.write(request)
      stream.end()
      const [answer] = await once(stream, 'data')
      return answer
    }
    const { list_services_response, listServicesResponse = list_services_response } = await ask({ listServices: '*' })
    expect(listServicesResponse.service.map(({ name }: { name: string }) => name)).toContain('patchbay.v1.Devices')
    const found = await ask({ fileContainingSymbol: 'patchbay.v1.Devices' })
    const protos: Buffer[] = found.fileDescriptorResponse.fileDescriptorProto
    expect(protos.some((proto) => proto.includes('PublishStream'))).toBe(true)
    expect(await ask({ fileContainingSymbol: 'nothing.Here' })).toMatchObject({ errorResponse: { errorCode: 5 } })
    const stranger = mirror.ServerReflectionInfo(new grpc.Metadata())
    expect(await ended(stranger)).toBe(status.UNAUTHENTICATED)
  })

  test('is described by the proto file', async () => {
    await start()
    const answer = await host.request('/v1/patchbay.proto')
    expect(answer.payload).toBe(await readFile(new URL('../proto/patchbay.proto', import.meta.url), 'utf8'))
  })
})
