import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Refused } from '@patchbay/sdk'
import { FakePlatform } from './fake-platform.ts'
import { RawClient, startAdapter, type Adapter } from './start-adapter.ts'

let folder: string
let adapter: Adapter

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mqtt-'))
  adapter = await startAdapter(folder)
})
afterEach(async () => {
  await adapter.stop()
  await rm(folder, { recursive: true, force: true })
})

const restart = async (given: Record<string, unknown> = {}) => {
  await adapter.stop()
  adapter = await startAdapter(folder, new FakePlatform(), given)
}
const heard = (client: MqttClient) => {
  const messages: string[] = []
  client.on('message', (topic, payload) => messages.push(`${topic} ${payload.toString()}`))
  return messages
}
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 4_000, interval: 5 })
const codeOf = async (work: Promise<unknown>): Promise<unknown> => {
  const error: unknown = await work.then(
    () => undefined,
    (failed: unknown) => failed,
  )
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
}

describe('a login', () => {
  it.each([4, 5] as const)('with the device’s own secret is taken (version %i)', async (protocolVersion) => {
    const client = await adapter.connect({ protocolVersion })
    expect(client.connected).toBe(true)
    expect(adapter.platform.open_).toHaveLength(1)
  })

  it.each([
    [4, { password: 'wrong' }, 4],
    [5, { password: 'wrong' }, 0x86],
    [4, { username: 'banned' }, 5],
    [5, { username: 'banned' }, 0x87],
    [5, { username: undefined, password: undefined }, 0x86],
  ])('that is refused says so in the words of version %i', async (version, fields, code) => {
    adapter.platform.devices.set('banned', 'secret-a')
    adapter.platform.banned.add('banned')
    const raw = new RawClient(adapter.port, version === 5 ? 5 : 4)
    raw.connect({
      ...fields,
      ...('password' in fields && fields.password ? { password: Buffer.from(fields.password) } : {}),
    })
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.packets).toMatchObject([version === 5 ? { reasonCode: code } : { returnCode: code }])
  })

  it('without a client id is given one by a clean start, and refused with code 2 by 3.1.1 without', async () => {
    const five = new RawClient(adapter.port, 5)
    five.connect({ clientId: '' })
    await until(() => expect(five.of('connack')).toHaveLength(1))
    expect(five.of('connack')[0]).toMatchObject({ reasonCode: 0 })
    expect(JSON.stringify(five.of('connack')[0])).toMatch(/"assignedClientIdentifier":"auto-[0-9a-f-]{36}"/)
    const four = new RawClient(adapter.port)
    four.socket.write(Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 4, 0, 0, 0, 0, 0]))
    await until(() => expect(four.packets).toMatchObject([{ returnCode: 2 }]))
  })

  it('with a will on a foreign topic is not authorised', async () => {
    const will = { topic: 'devices/b/x', payload: Buffer.from('w'), qos: 0, retain: false }
    const four = new RawClient(adapter.port)
    four.connect({ will })
    await until(() => expect(four.packets).toMatchObject([{ returnCode: 5 }]))
    const five = new RawClient(adapter.port, 5)
    five.connect({ will })
    await until(() => expect(five.packets).toMatchObject([{ reasonCode: 0x87 }]))
  })

  it('takes over the session of the same device and client id, and of no other device', async () => {
    const first = new RawClient(adapter.port, 5)
    first.connect({ clientId: 'same' })
    await until(() => expect(first.of('connack')).toHaveLength(1))
    const other = await adapter.connect({ clientId: 'same', username: 'b', password: 'secret-b' })
    const second = await adapter.connect({ clientId: 'same' })
    await until(() => expect(first.of('disconnect')).toMatchObject([{ reasonCode: 0x8e }]))
    await second.publishAsync('devices/a/telemetry', '{}', { qos: 1 })
    expect(other.connected).toBe(true)
    expect(first.closed).toBe(true)
  })

  it('gets CONNACK 1 for a protocol level nobody speaks', async () => {
    const raw = new RawClient(adapter.port)
    raw.socket.write(Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 9, 2, 0, 0, 0, 0]))
    await until(() => expect(raw.packets).toMatchObject([{ cmd: 'connack', returnCode: 1 }]))
  })

  it('over the limit of kept sessions a device is refused', async () => {
    await restart({ maxKeptSessionsPerDevice: 2 })
    await adapter.connect({ clientId: 'k1', clean: false })
    await adapter.connect({ clientId: 'k2', clean: false })
    expect(await codeOf(adapter.connect({ clientId: 'k3', clean: false, protocolVersion: 4 }))).toBe(3)
    await adapter.connect({ clientId: 'k2', clean: false })
    await adapter.connect({ clientId: 'k4', clean: true })
  })

  it('by pipelining CONNECT, PUBLISH and DISCONNECT loses nothing', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    for (let at = 1; at <= 100; at++) {
      raw.send({
        cmd: 'publish',
        topic: 'devices/a/telemetry',
        payload: `${at}`,
        qos: 1,
        messageId: at,
        dup: false,
        retain: false,
      })
    }
    raw.socket.end()
    await until(() => expect(adapter.platform.published).toHaveLength(100))
  })
})

describe('a publish', () => {
  it.each([1, 2] as const)('is acknowledged only when the platform has it (QoS %i)', async (qos) => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    const held: (() => void)[] = []
    adapter.platform.held = held
    raw.send({
      cmd: 'publish',
      topic: 'devices/a/telemetry',
      payload: '1',
      qos,
      messageId: 7,
      dup: false,
      retain: false,
    })
    await until(() => expect(held).toHaveLength(1))
    raw.send({ cmd: 'pingreq' })
    expect(raw.of(qos === 1 ? 'puback' : 'pubrec')).toHaveLength(0)
    held[0]?.()
    await until(() => expect(raw.of(qos === 1 ? 'puback' : 'pubrec')).toMatchObject([{ messageId: 7 }]))
  })

  it('is answered in the order it came, however it settles', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    const held: (() => void)[] = []
    adapter.platform.held = held
    const publish = (messageId: number) =>
      ({ cmd: 'publish', topic: 'devices/a/x', payload: '1', qos: 1, messageId, dup: false, retain: false }) as const
    raw.send(publish(1), publish(2), publish(3))
    await until(() => expect(held).toHaveLength(3))
    for (const settle of held.toReversed()) settle()
    await until(() => expect(raw.of('puback').map((packet) => packet.messageId)).toEqual([1, 2, 3]))
  })

  it('on a foreign topic gets 0x87 from version 5 and the connection stays', async () => {
    const client = await adapter.connect({ protocolVersion: 5 })
    expect(await codeOf(client.publishAsync('devices/b/telemetry', '1', { qos: 1 }))).toBe(0x87)
    expect(await codeOf(client.publishAsync('devices/b/telemetry', '1', { qos: 2 }))).toBe(0x87)
    await client.publishAsync('devices/a/telemetry', '1', { qos: 2 })
    expect(adapter.platform.published).toHaveLength(1)
  })

  it('on a foreign topic closes a 3.1.1 connection without an acknowledgement', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    raw.send({
      cmd: 'publish',
      topic: 'devices/b/telemetry',
      payload: '1',
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    })
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.of('puback')).toHaveLength(0)
  })

  it('of QoS 0 that is refused is dropped and the connection stays', async () => {
    const client = await adapter.connect({ protocolVersion: 4 })
    await client.publishAsync('devices/b/telemetry', '1', { qos: 0 })
    await client.publishAsync('devices/a/telemetry', '2', { qos: 1 })
    expect(adapter.platform.published.map(({ text }) => text)).toEqual(['2'])
  })

  it.each([
    ['invalid', 0x99],
    ['malformed', 0x99],
    ['quota', 0x97],
    ['forbidden', 0x87],
  ] as const)('refused as %s has its reason code, and its reason in words', async (reason, code) => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect()
    adapter.platform.refuseWith = new Refused(reason, 'X', 'decode', 'in a sentence')
    raw.send({ cmd: 'publish', topic: 'devices/a/x', payload: '1', qos: 1, messageId: 1, dup: false, retain: false })
    await until(() =>
      expect(raw.of('puback')).toMatchObject([{ reasonCode: code, properties: { reasonString: 'in a sentence' } }]),
    )
  })

  it('with a topic that is too long or too deep is refused and recorded', async () => {
    const client = await adapter.connect({ protocolVersion: 5 })
    expect(await codeOf(client.publishAsync(`devices/a/${'x'.repeat(600)}`, '1', { qos: 1 }))).toBe(0x90)
    expect(adapter.platform.refusals).toHaveLength(1)
  })

  it.each([4, 5] as const)(
    'while the store is away has no answer; the client of version %i is sent away',
    async (version) => {
      const raw = new RawClient(adapter.port, version)
      raw.connect()
      await until(() => expect(raw.of('connack')).toHaveLength(1))
      adapter.platform.refuseWith = new Refused('unavailable', 'X', 'store', 'away')
      raw.send({ cmd: 'publish', topic: 'devices/a/x', payload: '1', qos: 1, messageId: 1, dup: false, retain: false })
      raw.send({ cmd: 'pingreq' })
      await until(() => expect(raw.closed).toBe(true))
      expect(raw.packets.slice(1)).toMatchObject(version === 5 ? [{ cmd: 'disconnect', reasonCode: 0x89 }] : [])
    },
  )

  it('passes its properties on to subscribers of version 5', async () => {
    const client = await adapter.connect({ protocolVersion: 5 })
    const got: unknown[] = []
    client.on('message', (_topic, _payload, packet) => got.push(packet.properties))
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    const properties = {
      contentType: 'application/cbor',
      userProperties: { k: 'v' },
      correlationData: Buffer.from('c'),
    }
    await client.publishAsync('devices/a/x', '1', { qos: 1, properties })
    await until(() => expect(got).toMatchObject([properties]))
    expect(adapter.platform.published[0]?.how).toMatchObject({ contentType: 'application/cbor', relayedBy: 'mqtt' })
  })
})

describe('a QoS 2 message', () => {
  const message = {
    cmd: 'publish',
    topic: 'devices/a/x',
    payload: '1',
    qos: 2,
    messageId: 5,
    dup: false,
    retain: false,
  } as const

  it('that is repeated is acknowledged again and taken once, also while its commit is under way', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    const held: (() => void)[] = []
    adapter.platform.held = held
    raw.send(message, { ...message, dup: true })
    await until(() => expect(held).toHaveLength(1))
    held[0]?.()
    await until(() => expect(raw.of('pubrec')).toHaveLength(2))
    adapter.platform.held = undefined
    raw.send({ ...message, dup: true })
    await until(() => expect(raw.of('pubrec')).toHaveLength(3))
    expect(adapter.platform.published).toHaveLength(1)
    raw.send({ cmd: 'pubrel', messageId: 5 })
    await until(() => expect(raw.of('pubcomp')).toHaveLength(1))
    raw.send(message)
    await until(() => expect(adapter.platform.published).toHaveLength(2))
  })

  it('of a new clean session is not taken for the old one’s', async () => {
    for (let at = 0; at < 2; at++) {
      const raw = new RawClient(adapter.port)
      raw.connect()
      raw.send(message)
      await until(() => expect(raw.of('pubrec')).toHaveLength(1))
      raw.socket.destroy()
    }
    expect(adapter.platform.published).toHaveLength(2)
  })

  it('of a kept session is known after a restart, and unknown after a clean start', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect({ clean: false })
    raw.send(message)
    await until(() => expect(raw.of('pubrec')).toHaveLength(1))
    raw.socket.destroy()
    await restart()
    const again = new RawClient(adapter.port)
    again.connect({ clean: false })
    again.send({ ...message, dup: true })
    await until(() => expect(again.of('pubrec')).toHaveLength(1))
    expect(again.of('connack')).toMatchObject([{ sessionPresent: true }])
    expect(adapter.platform.published).toHaveLength(0)
    again.socket.destroy()
    const clean = new RawClient(adapter.port)
    clean.connect()
    clean.send(message)
    await until(() => expect(clean.of('pubrec')).toHaveLength(1))
    expect(adapter.platform.published).toHaveLength(1)
  })

  it('that is refused frees its identifier', async () => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect()
    adapter.platform.refuseWith = new Refused('quota', 'X', 'limit', 'slow down')
    raw.send(message)
    await until(() => expect(raw.of('pubrec')).toMatchObject([{ reasonCode: 0x97 }]))
    adapter.platform.refuseWith = undefined
    raw.send(message)
    await until(() => expect(raw.of('pubrec')).toHaveLength(2))
    expect(adapter.platform.published).toHaveLength(1)
  })

  it.each([4, 5] as const)('may be released twice close together (version %i)', async (version) => {
    const raw = new RawClient(adapter.port, version)
    raw.connect({ clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) })
    raw.send(message)
    await until(() => expect(raw.of('pubrec')).toHaveLength(1))
    raw.send({ cmd: 'pubrel', messageId: 5 }, { cmd: 'pubrel', messageId: 5 })
    await until(() => expect(raw.of('pubcomp')).toHaveLength(2))
    raw.send({ cmd: 'pubrel', messageId: 999 })
    await until(() => expect(raw.of('pubcomp')).toHaveLength(3))
    if (version === 5) expect(raw.of('pubcomp')[2]).toMatchObject({ reasonCode: 0 })
    raw.send({ cmd: 'pingreq' })
    await until(() => expect(raw.of('pingresp')).toHaveLength(1))
  })
})

describe('a subscribe', () => {
  it.each([
    [4, 128],
    [5, 0x87],
  ] as const)('to a foreign filter is refused in the SUBACK of version %i', async (version, code) => {
    const raw = new RawClient(adapter.port, version)
    raw.connect()
    raw.send({
      cmd: 'subscribe',
      messageId: 3,
      subscriptions: [
        { topic: 'devices/a/#', qos: 1 },
        { topic: 'devices/b/#', qos: 1 },
        { topic: '#', qos: 0 },
      ],
    })
    await until(() => expect(raw.of('suback')).toMatchObject([{ granted: [1, code, code] }]))
    expect(raw.closed).toBe(false)
  })

  it('over the limit is refused', async () => {
    await restart({ maxSubscriptionsPerSession: 2 })
    const raw = new RawClient(adapter.port, 5)
    raw.connect()
    const topics = ['devices/a/1', 'devices/a/2', 'devices/a/3']
    for (const [at, topic] of topics.entries()) {
      raw.send({ cmd: 'subscribe', messageId: at + 1, subscriptions: [{ topic, qos: 0 }] })
    }
    await until(() => expect(raw.of('suback')).toHaveLength(3))
    expect(raw.of('suback').find(({ messageId }) => messageId === 3)).toMatchObject({ granted: [0x97] })
  })

  it('receives messages of other clients and of other protocols', async () => {
    const client = await adapter.connect()
    const messages = heard(client)
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    const other = await adapter.connect({ clientId: 'other' })
    await other.publishAsync('devices/a/telemetry', 'one', { qos: 1 })
    await adapter.platform.relayIn({ topic: 'devices/a/telemetry', text: 'two' })
    await until(() => expect(messages).toEqual(['devices/a/telemetry one', 'devices/a/telemetry two']))
  })

  it('receives at no higher QoS than was granted, on a wildcard too', async () => {
    const client = await adapter.connect()
    const got: number[] = []
    client.on('message', (_topic, _payload, packet) => got.push(packet.qos))
    await client.subscribeAsync('devices/a/+', { qos: 1 })
    await client.publishAsync('devices/a/x', '1', { qos: 2 })
    await until(() => expect(got).toEqual([1]))
  })

  it('loses its messages when the right is withdrawn', async () => {
    adapter.platform.extra.push({ action: 'subscribe', filter: 'devices/b/#' })
    const client = await adapter.connect()
    const messages = heard(client)
    await client.subscribeAsync(['devices/b/#', 'devices/a/#'], { qos: 1 })
    adapter.platform.extra.length = 0
    await adapter.platform.relayIn({ topic: 'devices/b/x', text: 'foreign' })
    await adapter.platform.relayIn({ topic: 'devices/a/x', text: 'own' })
    await until(() => expect(messages).toEqual(['devices/a/x own']))
  })
})

describe('a subscriber that stops reading', () => {
  it('holds nobody up, and is cut when too much waits for it', async () => {
    const deaf = new RawClient(adapter.port, 5)
    deaf.connect({ clientId: 'deaf' })
    deaf.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/a/x', qos: 1 }] })
    await until(() => expect(deaf.of('suback')).toHaveLength(1))
    deaf.socket.pause()
    const client = await adapter.connect({ clientId: 'talker' })
    const messages = heard(client)
    await client.subscribeAsync('devices/a/x', { qos: 0 })
    const payload = Buffer.alloc(200_000)
    const began = performance.now()
    for (let at = 0; at < 100; at++) await client.publishAsync('devices/a/x', payload, { qos: 1 })
    expect(performance.now() - began).toBeLessThan(5_000)
    await until(() => expect(messages).toHaveLength(100))
    expect(adapter.platform.refusals.at(-1)?.refusal.refused.code).toBe('MQTT_READS_TOO_SLOWLY')
    expect(adapter.platform.open_).toHaveLength(1)
  })
})

describe('a command of the platform', () => {
  it('is delivered when the client acknowledges it, and not queued by the broker', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect({ clean: false })
    raw.send({
      cmd: 'subscribe',
      messageId: 3,
      subscriptions: [
        { topic: 'devices/a/commands/+', qos: 1 },
        { topic: 'devices/a/#', qos: 1 },
      ],
    })
    await until(() => expect(adapter.platform.open_[0]?.subscriptions).toHaveProperty('size', 2))
    let delivered = false
    const command = { topic: 'devices/a/commands/1', bytes: Buffer.from('{}'), qos: 1, retain: false } as const
    const sent = adapter.platform.send('a', command).then(() => {
      delivered = true
    })
    await until(() => expect(raw.of('publish')).toHaveLength(1))
    expect(delivered).toBe(false)
    raw.send({ cmd: 'puback', messageId: raw.of('publish')[0]?.messageId ?? 0 })
    await sent
    const lost = adapter.platform.send('a', { ...command, topic: 'devices/a/commands/2' })
    const failed = expect(lost).rejects.toThrow('ended before')
    await until(() => expect(raw.of('publish')).toHaveLength(2))
    raw.socket.destroy()
    await failed
    const again = new RawClient(adapter.port)
    again.connect({ clean: false })
    // the stored filters are asked of the platform again
    await until(() => expect(adapter.platform.open_[0]?.subscriptions).toHaveProperty('size', 2))
    expect(again.of('publish')).toHaveLength(0)
  })

  it('at QoS 0 is delivered when it is written', async () => {
    const client = await adapter.connect()
    const messages = heard(client)
    await client.subscribeAsync('devices/a/#', { qos: 0 })
    await until(() => expect(adapter.platform.open_[0]?.subscriptions).toHaveProperty('size', 1))
    await adapter.platform.send('a', { topic: 'devices/a/commands/1', bytes: Buffer.from('x'), qos: 1, retain: false })
    await until(() => expect(messages).toEqual(['devices/a/commands/1 x']))
  })
})

describe('what must outlive a restart', () => {
  it('is the queue of a kept session', async () => {
    const client = await adapter.connect({ clientId: 'kept', clean: false })
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    await client.endAsync()
    const other = await adapter.connect({ clientId: 'other' })
    for (let at = 0; at < 20; at++) await other.publishAsync('devices/a/x', `${at}`, { qos: 1 })
    await restart()
    const messages: string[] = []
    const raw = new RawClient(adapter.port)
    raw.connect({ clientId: 'kept', clean: false })
    await until(() => expect(raw.of('publish')).toHaveLength(20))
    for (const packet of raw.of('publish')) {
      messages.push('payload' in packet ? String(packet.payload) : '')
      raw.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    }
    expect(messages).toEqual(Array.from({ length: 20 }, (_, at) => `${at}`))
    raw.send({ cmd: 'pingreq' })
    await until(() => expect(raw.of('pingresp')).toHaveLength(1))
    raw.socket.destroy()
    const again = new RawClient(adapter.port)
    again.connect({ clientId: 'kept', clean: false })
    again.send({ cmd: 'pingreq' })
    await until(() => expect(again.of('pingresp')).toHaveLength(1))
    expect(again.of('publish')).toHaveLength(0)
  })

  it('is a retained value; an empty one takes it away', async () => {
    const client = await adapter.connect()
    await client.publishAsync('devices/a/state', 'on', { qos: 1, retain: true })
    await client.publishAsync('devices/a/gone', 'x', { qos: 1, retain: true })
    await client.publishAsync('devices/a/gone', '', { qos: 1, retain: true })
    await restart()
    const later = await adapter.connect()
    const messages = heard(later)
    await later.subscribeAsync('devices/a/+', { qos: 1 })
    await until(() => expect(messages).toEqual(['devices/a/state on']))
    expect(await adapter.platform.broker?.retained({ filter: 'devices/a/#', limit: 10 })).toMatchObject([
      { topic: 'devices/a/state', qos: 1 },
    ])
    expect(await adapter.platform.broker?.clearRetained('devices/a/state')).toBe(true)
    expect(await adapter.platform.broker?.clearRetained('devices/a/state')).toBe(false)
  })

  it('ends with the device', async () => {
    const client = await adapter.connect({ clientId: 'kept', clean: false })
    await client.publishAsync('devices/a/state', 'on', { qos: 1, retain: true })
    await client.endAsync()
    await adapter.platform.broker?.forget('a')
    const raw = new RawClient(adapter.port)
    raw.connect({ clientId: 'kept', clean: false })
    await until(() => expect(raw.of('connack')).toMatchObject([{ sessionPresent: false }]))
    expect(await adapter.platform.broker?.retained({ filter: '#', limit: 10 })).toEqual([])
  })

  it('has a limit of retained values a device', async () => {
    await restart({ maxRetainedPerDevice: 1 })
    const client = await adapter.connect({ protocolVersion: 5 })
    await client.publishAsync('devices/a/1', 'x', { qos: 1, retain: true })
    await client.publishAsync('devices/a/1', 'y', { qos: 1, retain: true })
    expect(await codeOf(client.publishAsync('devices/a/2', 'x', { qos: 1, retain: true }))).toBe(0x97)
  })
})

describe('a will', () => {
  const will = { topic: 'devices/a/status', payload: Buffer.from('gone'), qos: 1, retain: true } as const

  it('is published when the connection breaks, and not when the client says goodbye', async () => {
    const client = await adapter.connect({ clientId: 'watch' })
    const messages = heard(client)
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    const polite = await adapter.connect({ clientId: 'polite', will })
    await polite.endAsync()
    const rude = await adapter.connect({ clientId: 'rude', will })
    rude.stream.destroy()
    await until(() => expect(messages).toEqual(['devices/a/status gone']))
    expect(adapter.platform.published).toMatchObject([{ topic: 'devices/a/status', how: { retain: true } }])
  })

  it('is not published when its device is gone', async () => {
    const client = await adapter.connect({ clientId: 'watch' })
    const messages = heard(client)
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    const rude = await adapter.connect({ clientId: 'rude', will })
    adapter.platform.devices.delete('a')
    rude.stream.destroy()
    await adapter.platform.relayIn({ topic: 'devices/a/x', text: 'after' })
    await until(() => expect(messages).toEqual(['devices/a/x after']))
    expect(adapter.platform.published).toEqual([])
  })

  it('that a stop has left is published after the next start', async () => {
    await adapter.connect({ clientId: 'rude', will })
    await restart()
    await until(() => expect(adapter.platform.published).toMatchObject([{ topic: 'devices/a/status', text: 'gone' }]))
    await until(async () => {
      expect(await adapter.platform.broker?.retained({ filter: '#', limit: 1 })).toHaveLength(1)
    })
  })
})

describe('a session that the platform ends', () => {
  it.each([
    ['revoked', 0x87],
    ['disconnected', 0x98],
    ['shutdown', 0x8b],
  ] as const)('as %s is told so', async (why, code) => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect()
    await until(() => expect(raw.of('connack')).toHaveLength(1))
    adapter.platform.open_[0]?.end(why)
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: code }])
  })

  it('by a stop of the adapter has its commits answered first', async () => {
    const raw = new RawClient(adapter.port, 5)
    raw.connect()
    const held: (() => void)[] = []
    adapter.platform.held = held
    raw.send({ cmd: 'publish', topic: 'devices/a/x', payload: '1', qos: 1, messageId: 1, dup: false, retain: false })
    await until(() => expect(held).toHaveLength(1))
    const stopped = adapter.stop()
    held[0]?.()
    await stopped
    await until(() => expect(raw.closed).toBe(true))
    expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'puback', 'disconnect'])
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x8b }])
    adapter = await startAdapter(folder)
  })

  it('is alive by its pings', async () => {
    const raw = new RawClient(adapter.port)
    raw.connect()
    raw.send({ cmd: 'pingreq' })
    await until(() => expect(adapter.platform.pings).toBe(1))
  })
})

describe('open topics', () => {
  it('are for clients without credentials, and nothing else is', async () => {
    await restart({ openTopics: ['lab/#'] })
    const anonymous = { username: undefined, password: undefined, protocolVersion: 5 } as never
    const one = await adapter.connect(anonymous)
    const messages = heard(one)
    await one.subscribeAsync('lab/+', { qos: 1 })
    const two = await adapter.connect(anonymous)
    await two.publishAsync('lab/x', 'hello', { qos: 2 })
    await until(() => expect(messages).toEqual(['lab/x hello']))
    expect(await codeOf(two.publishAsync('devices/a/x', '1', { qos: 1 }))).toBe(0x87)
    await expect(one.subscribeAsync('devices/#')).rejects.toThrow('Not authorized')
    expect(adapter.platform.open_).toHaveLength(0)
  })
})

describe('a WebSocket', () => {
  it('carries MQTT under its subprotocol', async () => {
    const client = await adapter.connect({ url: `ws://127.0.0.1:${adapter.webPort}/mqtt`, protocolVersion: 5 })
    const messages = heard(client)
    await client.subscribeAsync('devices/a/#', { qos: 1 })
    await client.publishAsync('devices/a/x', 'z'.repeat(100_000), { qos: 1 })
    await until(() => expect(messages[0]).toHaveLength(100_000 + 'devices/a/x '.length))
  })

  it('without the subprotocol, or with text frames, is not taken', async () => {
    const { WebSocket } = await import('ws')
    const plain = new WebSocket(`ws://127.0.0.1:${adapter.webPort}/mqtt`)
    await expect(new Promise((_resolve, reject) => plain.on('error', reject))).rejects.toThrow('400')
    const texts = new WebSocket(`ws://127.0.0.1:${adapter.webPort}/mqtt`, 'mqtt')
    await new Promise((resolve) => texts.on('open', resolve))
    texts.send('hello')
    await new Promise((resolve) => texts.on('close', resolve))
  })
})

describe('a 3.1.1 client that sends a refused message again and again', () => {
  const refuse = async (clientId: string) => {
    const raw = new RawClient(adapter.port, 4)
    raw.connect({ clientId })
    raw.send({ cmd: 'publish', topic: 'devices/b/x', payload: '1', qos: 1, messageId: 1, dup: false, retain: false })
    await until(() => expect(raw.closed).toBe(true))
    return raw.of('connack')[0]
  }

  it('is kept out from the fifth time on, and another client is not', async () => {
    for (let time = 0; time < 5; time++) expect(await refuse('stubborn')).toMatchObject({ returnCode: 0 })
    const raw = new RawClient(adapter.port, 4)
    raw.connect({ clientId: 'stubborn' })
    await until(() => expect(raw.of('connack')).toMatchObject([{ returnCode: 3 }]))
    expect(adapter.platform.refusals.at(-1)?.refusal.refused.code).toBe('MQTT_RESENDS_REFUSED')
    expect(await refuse('another')).toMatchObject({ returnCode: 0 })
  })
})
