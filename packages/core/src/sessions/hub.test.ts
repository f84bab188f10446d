import type { AccessRule } from '@patchbay/contracts/access'
import type { Accepted, Delivery, EndReason, Peer } from '@patchbay/contracts/session'
import { describe, expect, test, vi } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createMemoryTelemetry } from '../../test/memory-telemetry.ts'
import { createAuthoriser } from '../access/authoriser.ts'
import type { NewRefusal, ProviderChain, Subject } from '../access/port.ts'
import type { DeviceRecord } from '../devices/port.ts'
import { refuse } from '../errors.ts'
import { createSessionHub, type SessionHubOptions } from './hub.ts'
import { sessionLimits } from './limits.ts'

const record = (id: string, type = 'default'): DeviceRecord => ({
  id,
  name: id,
  type,
  tags: [],
  createdAt: '2025-10-09T08:53:20Z',
})

async function bench(more: Partial<SessionHubOptions> = {}) {
  const clock = createFakeClock()
  const registry = createMemoryRegistry()
  const telemetry = createMemoryTelemetry()
  const refused: NewRefusal[] = []
  const presence = {
    alive: vi.fn<(device: string, at: number) => void>(),
    sessionOpened: vi.fn<(device: string) => void>(),
    sessionClosed: vi.fn<(device: string) => void>(),
  }
  const rules = { sorted: [] as AccessRule[], generation: 0 }
  const answers: Record<string, 'allow' | 'deny' | undefined> = {}
  const providers = {
    hasConnectors: false,
    hasDeciders: false as boolean,
    generation: 0,
    connect: async () => undefined,
    deviceOf: () => undefined,
    decide: async ({ topic }: { topic: string }) => {
      const answer = answers[topic]
      return answer && { answer, provider: 'p' }
    },
  } satisfies ProviderChain
  const application: Subject = { kind: 'application', id: 'key1', publish: ['#'], subscribe: ['#'] }
  for (const id of ['d', 'e']) await registry.put('devices', id, { ...record(id) }, 'new')
  let ids = 0
  const hub = createSessionHub({
    authenticator: {
      async authenticate({ credentials }) {
        if (credentials.kind === 'bearer') return { subject: application, credential: 'k' }
        if (credentials.kind === 'password' && credentials.username === 'provision') {
          return { subject: { kind: 'provisioning', id: credentials.password }, credential: credentials.password }
        }
        if (credentials.kind !== 'password' || credentials.password !== 'good') throw refuse('CREDENTIALS_WRONG')
        const id = credentials.username
        if (id === 'granted') {
          const grants = { provider: 'p', publish: ['plant/#'], subscribe: [] }
          const subject: Subject = { kind: 'device', id, type: 'default', tags: [], grants }
          return {
            subject,
            device: record(id),
            credential: 'provider:p',
            endsAtMicros: clock.nowMicros() + 3 * 86_400_000_000,
          }
        }
        return { subject: { kind: 'device', id, type: 'default', tags: [] }, device: record(id), credential: `c-${id}` }
      },
    },
    authoriser: createAuthoriser({ rules, providers }),
    registry,
    telemetry,
    presence,
    refusals: { record: (entry) => refused.push(entry) },
    clock,
    randomId: () => `id${ids++}`,
    ...more,
  })
  await hub.start()
  const peer = (username: string, how: Partial<Peer> = {}): Peer => ({
    protocol: 'test',
    address: '::1',
    encrypted: true,
    credentials: { kind: 'password', username, password: 'good' },
    ...how,
  })
  const application_ = () => hub.open(peer('key', { credentials: { kind: 'bearer', secret: 's' } }))
  return {
    hub,
    clock,
    registry,
    telemetry,
    refused,
    presence,
    rules,
    providers,
    answers,
    peer,
    openApplication: application_,
  }
}

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
/** Lets the hub's own setImmediate and the stores' turns run. */
const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('publishing', () => {
  test('telemetry is settled when it is durable, and never inside push', async () => {
    const { hub, telemetry, peer, presence } = await bench()
    let open = () => {}
    telemetry.gate = new Promise((resolve) => (open = resolve))
    const session = await hub.open(peer('d'))
    const topic = session.topic('sensors/d/temperature')
    const settled: unknown[] = []
    topic.push(bytes('21.5'), {}, (refused) => settled.push(refused))
    topic.push(bytes('hot'), {}, (refused) => settled.push(refused?.code))
    expect(settled).toEqual([])
    await turns()
    expect(settled).toEqual(['PAYLOAD_MALFORMED'])
    open()
    await turns()
    expect(settled).toEqual(['PAYLOAD_MALFORMED', undefined])
    expect(telemetry.points('d')).toMatchObject([{ key: 'temperature', value: 21.5 }])
    expect(presence.alive).toHaveBeenCalledWith('d', expect.any(Number))
    topic.push(bytes('22'), {}, () => settled.push('sync'))
    expect(settled).toHaveLength(2)
  })

  test('a message sent just before the end of its session is not lost', async () => {
    const { hub, telemetry, peer } = await bench()
    const session = await hub.open(peer('d'))
    session.topic('devices/d/telemetry').push(bytes({ last: 1 }), { qos: 0 }, () => {})
    session.close()
    await turns()
    expect(telemetry.points('d')).toHaveLength(1)
    await hub.close()
    expect(telemetry.held.size).toBe(0)
  })

  test('messages of one device get times that strictly increase, also when the clock is set back', async () => {
    const { hub, telemetry, clock, peer } = await bench()
    for (let round = 0; round < 3; round++) {
      const session = await hub.open(peer('d'))
      for (let i = 0; i < 10; i++) void session.publish('devices/d/telemetry', bytes({ a: i }))
      await turns()
      clock.pass(10)
      await turns()
      session.close()
      clock.jump(-60_000)
    }
    const points = telemetry.points('d')
    expect(points).toHaveLength(30)
    expect(points.map(({ value }) => value)).toEqual([...Array(3).keys()].flatMap(() => [...Array(10).keys()]))
  })

  test.each([
    ['devices/e/telemetry', '{"a":1}', 'TOPIC_FORBIDDEN'],
    ['devices/d/telemetry', '{"a":', 'PAYLOAD_MALFORMED'],
    ['devices/d/commands/x', '{}', 'TOPIC_DOWN'],
    ['devices/d/shadow/desired', '{}', 'TOPIC_DOWN'],
    ['devices/d/#', '{}', 'TOPIC_INVALID'],
    ['', '{}', 'TOPIC_INVALID'],
    ['a/'.repeat(1000), '{}', 'TOPIC_INVALID'],
    ['devices/d/commands/none/reply', '{"ok":true}', 'COMMAND_UNKNOWN'],
    ['devices/d/shadow/reported', '[]', 'PAYLOAD_INVALID'],
    ['devices/d/telemetry', ' '.repeat(300_000), 'PAYLOAD_TOO_LARGE'],
  ])('%s with %s is refused and recorded', async (topic, payload, code) => {
    const { hub, refused, peer } = await bench()
    const session = await hub.open(peer('d', { clientId: 'c1' }))
    await expect(session.publish(topic, bytes(payload))).rejects.toMatchObject({ name: 'Refused', code })
    expect(refused).toEqual([
      expect.objectContaining({ device: 'd', protocol: 'test', clientId: 'c1', action: 'publish', topic, code }),
    ])
  })

  test('applications publish for devices that are registered', async () => {
    const { hub, clock, telemetry, presence, openApplication } = await bench()
    const session = await openApplication()
    await session.publish('devices/e/telemetry', bytes({ a: 1 }))
    expect(telemetry.points('e')).toHaveLength(1)
    expect(presence.alive).toHaveBeenCalledWith('e', expect.any(Number))
    await expect(session.publish('devices/nobody/telemetry', bytes({ a: 1 }))).rejects.toMatchObject({
      code: 'DEVICE_UNKNOWN',
    })
    clock.pass(10)
    await hub.publishAs(
      { id: 'u', protocol: 'rest', address: '::1', all: true },
      'devices/e/telemetry',
      bytes({ b: 1 }),
    )
    expect(telemetry.points('e')).toHaveLength(2)
  })

  test('the store away is said so, and the next message tries again', async () => {
    const { hub, telemetry, clock, peer } = await bench()
    const session = await hub.open(peer('d'))
    telemetry.failing = true
    await expect(session.publish('devices/d/telemetry', bytes({ a: 1 }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
    telemetry.failing = false
    clock.pass(10)
    await session.publish('devices/d/telemetry', bytes({ a: 2 }))
    telemetry.failing = true
    clock.pass(10)
    await expect(session.publish('devices/d/telemetry', bytes({ a: 3 }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
    expect(telemetry.points('d')).toHaveLength(1)
  })

  test('an idempotency key stores once, for 24 h and for the same message only', async () => {
    const { hub, telemetry, clock, registry, peer } = await bench()
    const session = await hub.open(peer('d', { request: true }))
    const how = { idempotencyKey: 'k' }
    await Promise.all([1, 2, 3].map(() => session.publish('devices/d/telemetry', bytes({ a: 1 }), how)))
    await session.publish('devices/d/telemetry', bytes({ a: 1 }), how)
    expect(telemetry.points('d')).toHaveLength(1)
    await expect(session.publish('devices/d/telemetry', bytes({ a: 2 }), how)).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
    })
    clock.pass(24 * 3600 * 1000 + 1)
    await turns()
    clock.pass(sessionLimits.sweepEveryMs)
    await turns()
    expect(await registry.count('idempotency')).toBe(0)
    await session.publish('devices/d/telemetry', bytes({ a: 1 }), how)
    expect(telemetry.points('d')).toHaveLength(2)
  })

  test('a will is published as the device as long as that exists', async () => {
    const { hub, telemetry, refused } = await bench()
    await hub.publishFor({ kind: 'device', id: 'd' }, 'mqtt', 'devices/d/telemetry', bytes({ a: 1 }))
    expect(telemetry.points('d')).toHaveLength(1)
    await expect(
      hub.publishFor({ kind: 'device', id: 'x' }, 'mqtt', 'devices/x/telemetry', bytes({})),
    ).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
    await expect(
      hub.publishFor({ kind: 'device', id: 'd' }, 'mqtt', 'devices/e/telemetry', bytes({})),
    ).rejects.toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    expect(refused).toHaveLength(2)
  })
})

describe('access', () => {
  test('a rule that comes later holds for topics that are resolved already', async () => {
    const { hub, rules, peer } = await bench()
    const session = await hub.open(peer('d'))
    const closed: string[] = []
    await session.publish('devices/d/telemetry', bytes({ a: 1 }))
    await session.subscribe('devices/d/#', ({ topic }) => void closed.push(topic))
    rules.sorted = [
      {
        id: 'r',
        effect: 'deny',
        actions: ['publish', 'subscribe'],
        filter: 'devices/{id}/#',
        scope: {},
        order: 1,
        createdAt: '',
        version: 1,
      },
    ]
    rules.generation++
    await hub.hear({ kind: 'access-changed' })
    await expect(session.publish('devices/d/telemetry', bytes({ a: 1 }))).rejects.toMatchObject({
      code: 'TOPIC_FORBIDDEN',
      rule: 'r',
    })
    expect(hub.live('d')[0]?.subscriptions).toEqual([])
  })

  test('access plugins are asked, and what waits for them keeps its order', async () => {
    const { hub, telemetry, providers, answers, peer } = await bench()
    providers.hasDeciders = true
    const session = await hub.open(peer('d'))
    answers['sensors/d/bad'] = 'deny'
    answers['rooms/1'] = 'allow'
    const order: number[] = []
    for (let i = 0; i < 5; i++) session.topic('sensors/d/ok').push(bytes(`${i}`), {}, () => order.push(i))
    await turns()
    expect(order).toEqual([0, 1, 2, 3, 4])
    expect(telemetry.points('d').map(({ value }) => value)).toEqual([0, 1, 2, 3, 4])
    await expect(session.publish('sensors/d/bad', bytes('1'))).rejects.toMatchObject({
      code: 'TOPIC_FORBIDDEN',
      step: 'provider',
    })
    await session.publish('rooms/1', bytes('x'))
    await expect(session.subscribe('rooms/#', () => {})).rejects.toMatchObject({ code: 'TOPIC_FORBIDDEN' })
  })

  test('refused logins are recorded with the claimed id', async () => {
    const { hub, refused, peer } = await bench()
    const credentials = { kind: 'password', username: 'd', password: 'bad' } as const
    await expect(hub.open(peer('d', { credentials }))).rejects.toMatchObject({ code: 'CREDENTIALS_WRONG' })
    expect(refused).toMatchObject([{ device: 'd', action: 'connect', step: 'credentials' }])
  })
})

describe('sessions', () => {
  test('a client id takes over within its device only', async () => {
    const { hub, peer } = await bench()
    const ends: [string, EndReason][] = []
    for (const [device, clientId] of [
      ['d', 'c'],
      ['e', 'c'],
      ['d', 'other'],
      ['d', 'c'],
    ] as const) {
      const session = await hub.open(peer(device, { clientId }))
      session.onEnd((why) => ends.push([session.id, why]))
    }
    expect(ends).toEqual([['id0', 'taken-over']])
    expect(hub.live('d').map(({ clientId }) => clientId)).toEqual(['other', 'c'])
  })

  test('a device has as many sessions and subscriptions as permitted; requests are none', async () => {
    const { hub, refused, presence, peer } = await bench()
    const all = await Promise.all(Array.from({ length: sessionLimits.sessionsPerDevice }, () => hub.open(peer('d'))))
    await expect(hub.open(peer('d'))).rejects.toMatchObject({ code: 'SESSIONS_EXCEEDED' })
    await hub.open(peer('d', { request: true }))
    for (let i = 0; i < sessionLimits.subscriptionsPerDevice; i++)
      await all[i % 10]!.subscribe(`devices/d/${i}`, () => {})
    await expect(all[0]!.subscribe('devices/d/x', () => {})).rejects.toMatchObject({ code: 'SUBSCRIPTIONS_EXCEEDED' })
    expect(refused.map(({ code }) => code)).toEqual(['SESSIONS_EXCEEDED', 'SUBSCRIPTIONS_EXCEEDED'])
    all[0]!.close()
    await hub.open(peer('d'))
    expect(presence.sessionOpened).toHaveBeenCalledTimes(11)
    expect(presence.sessionClosed).toHaveBeenCalledTimes(1)
  })

  test('deletion and the end of a credential end sessions at once and forget what was kept', async () => {
    const { hub, registry, telemetry, peer } = await bench()
    const forgotten: string[] = []
    hub.relay('mqtt', {
      deliver: async () => {},
      retained: async () => [],
      clearRetained: async () => false,
      forget: async (device) => void forgotten.push(device),
    })
    const ends: EndReason[] = []
    const first = await hub.open(peer('d'))
    first.onEnd((why) => ends.push(why))
    await hub.hear({ kind: 'credential-ended', device: 'd', credential: 'other' })
    await hub.hear({ kind: 'credential-ended', device: 'd', credential: 'c-d' })
    expect([ends, forgotten]).toEqual([['revoked'], []])
    const second = await hub.open(peer('d'))
    await second.publish('devices/d/telemetry', bytes({ a: 1 }))
    await hub.commands.create('d', { name: 'x' })
    await hub.shadows.patchDesired('d', { a: 1 })
    await registry.delete('devices', 'd')
    await hub.hear({ kind: 'deleted', device: record('d') })
    await expect(second.publish('devices/d/telemetry', bytes({ a: 1 }))).rejects.toMatchObject({ name: 'Refused' })
    expect([forgotten, hub.live('d'), hub.commands.open()]).toEqual([['d'], [], 0])
    expect((await hub.shadows.get('d')).version).toBe(0)
    expect(telemetry.held.size).toBe(0)
  })

  test('a session that stands for requests ends with its device, credential or key too', async () => {
    const { hub, peer } = await bench()
    const ends: string[] = []
    const open = async (name: string, username: string, how: Partial<Peer> = {}) =>
      (await hub.open(peer(username, { request: true, ...how }))).onEnd((why) => ends.push(`${name} ${why}`))
    await open('credential', 'd')
    await open('device', 'e')
    await open('key', 'key', { credentials: { kind: 'bearer', secret: 's' } })
    await hub.hear({ kind: 'credential-ended', device: 'd', credential: 'c-d' })
    await hub.hear({ kind: 'deleted', device: record('e') })
    hub.endApplication('key1')
    expect(ends).toEqual(['credential revoked', 'device revoked', 'key revoked'])
    expect(hub.stats().sessions).toBe(0)
  })

  test('closing ends all sessions and settles what was accepted', async () => {
    const { hub, peer } = await bench()
    const session = await hub.open(peer('d'))
    const why = new Promise((resolve) => session.onEnd(resolve))
    const published = session.publish('devices/d/telemetry', bytes({ a: 1 }))
    await turns()
    await hub.close()
    expect(await why).toBe('shutdown')
    await published
    await expect(hub.open(peer('d'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('a login of an access provider', () => {
  test('ends at its time, however far that is, and not when it was closed before', async () => {
    const { hub, clock, peer } = await bench()
    const ends: EndReason[] = []
    const session = await hub.open(peer('granted'))
    session.onEnd((why) => ends.push(why))
    clock.pass(3 * 86_400_000 - 1)
    expect(ends).toEqual([])
    clock.pass(1)
    expect(ends).toEqual(['revoked'])
    const { waiting } = clock
    const closed = await hub.open(peer('granted'))
    expect(clock.waiting).toBe(waiting + 1)
    closed.close()
    expect(clock.waiting).toBe(waiting)
  })

  test('keeps its filters when the tags of the device change', async () => {
    const { hub, peer } = await bench()
    const session = await hub.open(peer('granted'))
    expect(session.may('publish', 'plant/1').allowed).toBe(true)
    await hub.hear({ kind: 'changed', device: { ...record('granted'), tags: ['new'] } })
    expect(session.may('publish', 'plant/1').allowed).toBe(true)
    expect(session.may('publish', 'other/1').allowed).toBe(false)
  })
})

describe('delivery', () => {
  test('subscribers and other brokers get what was accepted, after it is durable', async () => {
    const { hub, clock, peer, openApplication } = await bench()
    const relayed: Accepted[] = []
    hub.relay('mqtt', {
      deliver: async (message) => void relayed.push(message),
      retained: async () => [],
      clearRetained: async () => false,
      forget: async () => {},
    })
    const application = await openApplication()
    const got: Delivery[] = []
    await application.subscribe('devices/+/telemetry', (message) => void got.push(message), { qos: 0 })
    await application.subscribe('#', () => expect.unreachable(), { from: 'platform' })
    const session = await hub.open(peer('d'))
    await session.publish('devices/d/telemetry', bytes({ a: 1 }), { qos: 1 })
    clock.pass(10)
    await session.publish('devices/d/telemetry', bytes({ a: 2 }), { relayedBy: 'mqtt' })
    await session.publish('devices/d/notes', bytes('hello'), { retain: true })
    await turns()
    expect(got.map((each) => [String(each.bytes), each.qos])).toEqual([
      ['{"a":1}', 0],
      ['{"a":2}', 0],
    ])
    expect(relayed).toMatchObject([
      { topic: 'devices/d/telemetry', from: 'd', protocol: 'test', qos: 1 },
      { topic: 'devices/d/notes', retain: true },
    ])
  })

  test('a new subscriber without a broker of its own gets what is retained, all of it and never after a newer value', async () => {
    const { hub, peer } = await bench()
    const kept = Array.from({ length: 250 }, (_, i) => `devices/d/notes/${String(i).padStart(3, '0')}`)
    let gate = () => {}
    hub.relay('mqtt', {
      deliver: async () => undefined,
      async retained({ filter, after = '', limit }) {
        expect(filter).toBe('devices/d/#')
        const page = kept.filter((topic) => topic > after).slice(0, limit)
        await new Promise<void>((resolve) => (gate = resolve))
        return page.map((topic) => ({ topic, bytes: bytes('old'), qos: 1 }))
      },
      clearRetained: async () => false,
      forget: async () => {},
    })
    const session = await hub.open(peer('d'))
    const got: Delivery[] = []
    const served = session.subscribe('devices/d/#', (message) => void got.push(message), { qos: 1 })
    await session.subscribe('devices/d/+/+', () => expect.unreachable(), { from: 'platform' })
    await served
    await turns()
    await session.publish('devices/d/notes/003', bytes('new'), { retain: true })
    for (let page = 0; page < 3; page++) {
      gate()
      await turns()
    }
    const texts = got.map(({ topic, bytes: sent, retain }) => `${topic.slice(-3)} ${String(sent)} ${retain}`)
    expect(texts).toEqual([
      '003 new false',
      ...kept.map((topic) => `${topic.slice(-3)} old true`).filter((text) => !text.startsWith('003')),
    ])
  })

  test('a broker that cannot keep its copy refuses the message', async () => {
    const { hub, peer } = await bench()
    hub.relay('mqtt', {
      deliver: () => Promise.reject(new Error('disk')),
      retained: async () => [],
      clearRetained: async () => false,
      forget: async () => {},
    })
    const session = await hub.open(peer('d'))
    await expect(session.publish('devices/d/notes', bytes('x'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  test('a slow subscriber loses QoS 0 copies, and its session before it loses others', async () => {
    const { hub, peer, openApplication } = await bench()
    const application = await openApplication()
    const ends: EndReason[] = []
    application.onEnd((why) => ends.push(why))
    await application.subscribe('#', () => new Promise(() => {}))
    const session = await hub.open(peer('d'))
    for (let i = 0; i < sessionLimits.deliveriesWaiting + 3; i++)
      await session.publish('devices/d/x', bytes('x'), { qos: 0 })
    expect([hub.stats().relays.shed, ends]).toEqual([3, []])
    await session.publish('devices/d/x', bytes('x'), { qos: 1 })
    expect(ends).toEqual(['disconnected'])
  })

  test('commands and the desired shadow reach a device that subscribes before or after', async () => {
    const { hub, peer } = await bench()
    await hub.shadows.patchDesired('d', { rate: 5 })
    const before = await hub.commands.create('d', { name: 'first' })
    const session = await hub.open(peer('d'))
    const got: [string, unknown][] = []
    const deliver = (message: Delivery) => void got.push([message.topic, JSON.parse(String(message.bytes))])
    await session.subscribe('devices/d/#', deliver, { from: 'platform' })
    await session.subscribe('devices/d/commands/+', deliver, { from: 'platform' })
    expect(got).toEqual([])
    await turns()
    const after = await hub.commands.create('d', { name: 'second', params: { a: 1 } })
    await hub.shadows.patchDesired('d', { rate: 6 })
    await turns()
    expect(got).toEqual([
      [`devices/d/commands/${before.id}`, { name: 'first' }],
      ['devices/d/shadow/desired', { delta: { rate: 5 }, version: 1 }],
      [`devices/d/commands/${after.id}`, { name: 'second', params: { a: 1 } }],
      ['devices/d/shadow/desired', { delta: { rate: 6 }, version: 2 }],
    ])
    await session.publish(`devices/d/commands/${after.id}/reply`, bytes({ ok: true }))
    await session.publish('devices/d/shadow/reported', bytes({ rate: 6 }))
    expect((await hub.commands.get('d', after.id)).state).toBe('succeeded')
    expect((await hub.commands.get('d', before.id)).state).toBe('delivered')
    expect(await session.desiredShadow()).toEqual({ delta: {}, version: 2 })
  })

  test('a poll takes commands, for devices only', async () => {
    const { hub, peer, openApplication } = await bench()
    const { id } = await hub.commands.create('d', { name: 'x' })
    const session = await hub.open(peer('d', { request: true }))
    const { signal } = new AbortController()
    expect(await session.takeCommands({ waitMs: 0, signal })).toMatchObject([{ id, name: 'x' }])
    const application = await openApplication()
    await expect(application.takeCommands({ waitMs: 0, signal })).rejects.toMatchObject({ name: 'Refused' })
  })
})

test('a type that changes holds for the next message', async () => {
  const { hub, registry, peer } = await bench()
  const session = await hub.open(peer('d'))
  await session.publish('devices/d/telemetry', bytes({ a: 1 }))
  const type = { keys: [], strict: true, codec: 'json', heartbeatSeconds: 300, createdAt: '2025-10-09T08:53:20Z' }
  await registry.put('device_types', 'strict', type, 'new')
  await hub.hear({ kind: 'changed', device: record('d', 'strict') })
  await expect(session.publish('devices/d/telemetry', bytes({ a: 1 }))).rejects.toMatchObject({
    code: 'KEY_UNDECLARED',
  })
  await hub.hear({ kind: 'type-changed', type: { ...type, id: 'strict', strict: false } })
  void session.publish('devices/d/telemetry', bytes({ a: 1 }))
  await hub.close()
  expect(hub.stats().ingest.points).toBe(2)
})

describe('onlookers', () => {
  test('values of a watched device are told once they are durable, after the settle; refused ones never', async () => {
    const { hub, telemetry, peer, clock } = await bench()
    const session = await hub.open(peer('d'))
    const topic = session.topic('devices/d/telemetry')
    const log: unknown[] = []
    const pass = async () => {
      await turns()
      clock.pass(200)
      await turns()
    }
    topic.push(bytes({ before: 1 }), {}, () => {})
    await pass()
    const unwatch = hub.watch('d', (points) => log.push(points))
    let open = () => {}
    telemetry.gate = new Promise((resolve) => (open = resolve))
    topic.push(bytes({ n: 1, on: true, text: 'x', nested: { a: [1] } }), {}, () => log.push('settled'))
    topic.push(bytes('nonsense'), {}, () => {})
    await pass()
    expect(log).toEqual([])
    open()
    await pass()
    expect(log).toEqual([
      'settled',
      [
        { key: 'n', at: expect.any(Number), value: 1, json: false },
        { key: 'on', at: expect.any(Number), value: true, json: false },
        { key: 'text', at: expect.any(Number), value: 'x', json: false },
        { key: 'nested', at: expect.any(Number), value: '{"a":[1]}', json: true },
      ],
    ])
    telemetry.failing = true
    topic.push(bytes({ n: 2 }), {}, (refused) => log.push(refused?.code))
    await pass()
    expect(log.slice(2)).toEqual(['STORE_UNAVAILABLE'])
    telemetry.failing = false
    unwatch()
    topic.push(bytes({ n: 3 }), {}, () => {})
    await pass()
    expect(log).toHaveLength(3)
  })

  test('a watch that came before the device connects is kept, and one that throws fails nothing', async () => {
    const faults: unknown[] = []
    const { hub, peer } = await bench({ onFault: (error) => faults.push(error) })
    hub.watch('d', () => {
      throw new Error('an onlooker')
    })
    const settled: unknown[] = []
    const session = await hub.open(peer('d'))
    session.topic('sensors/d/t').push(bytes('1'), {}, (refused) => settled.push(refused))
    await turns()
    expect(settled).toEqual([undefined])
    expect(faults).toHaveLength(1)
  })

  test('the tap sees every message and how it ended', async () => {
    const { hub, peer, clock } = await bench()
    const seen: unknown[] = []
    const close = hub.tap(
      ({ from, device, topic }) =>
        (refused) =>
          seen.push([from, device, topic, refused?.code]),
    )
    const session = await hub.open(peer('d'))
    session.topic('sensors/d/t').push(bytes('1'), {}, () => {})
    session.topic('sensors/e/t').push(bytes('1'), {}, () => {})
    await turns()
    expect(seen).toEqual(
      expect.arrayContaining([
        ['d', 'd', 'sensors/d/t', undefined],
        ['d', undefined, 'sensors/e/t', 'TOPIC_FORBIDDEN'],
      ]),
    )
    close()
    session.topic('sensors/d/t').push(bytes('2'), {}, () => {})
    clock.pass(200)
    await turns()
    expect(seen).toHaveLength(2)
  })
})

describe('provisioning', () => {
  const request = 'provision/request'
  const response = 'provision/response'

  async function factory() {
    const asked: unknown[] = []
    const made = await bench({
      provision: async (asker, payload) => {
        asked.push([asker.key, payload])
        const { n } = payload as { n: number }
        const answer = { bytes: Buffer.from(`{"n":${n}}`) }
        return n === 0 ? { ...answer, refused: refuse('PROVISION_TAKEN') } : answer
      },
    })
    const enter = (how: Partial<Peer> = {}) =>
      made.hub.open(
        made.peer('x', { ...how, credentials: { kind: 'password', username: 'provision', password: 'k1' } }),
      )
    return { ...made, asked, enter }
  }

  test('the answer goes to the session that asked, and to nobody else', async () => {
    const { hub, enter, openApplication, refused, asked } = await factory()
    const heard: string[] = []
    const hear = (name: string) => (message: Delivery) => void heard.push(`${name} ${Buffer.from(message.bytes)}`)
    const relayed: Accepted[] = []
    hub.relay('other', {
      deliver: async (message) => void relayed.push(message),
      retained: async () => [],
      clearRetained: async () => false,
      forget: async () => {},
    })
    const tapped: string[] = []
    hub.tap(({ topic }) => {
      tapped.push(topic)
      return undefined
    })
    const [a, b] = await Promise.all([enter({ clientId: 'same' }), enter({ clientId: 'same' })])
    await a.subscribe(response, hear('a'))
    await b.subscribe(response, hear('b'))
    await (await openApplication()).subscribe('#', hear('spy'))
    await a.publish(request, bytes({ n: 1 }))
    await expect(b.publish(request, bytes({ n: 0 }))).rejects.toMatchObject({ code: 'PROVISION_TAKEN' })
    expect(heard).toEqual(['a {"n":1}', 'b {"n":0}'])
    expect(asked).toEqual([
      ['k1', { n: 1 }],
      ['k1', { n: 0 }],
    ])
    expect([relayed, tapped]).toEqual([[], []])
    expect(refused).toMatchObject([{ code: 'PROVISION_TAKEN', topic: request }])
    expect(a.principal.id).not.toBe(b.principal.id)
    await hub.close()
  })

  test('asks for nothing whose answer nobody would hear, but hears a subscription that is just being granted', async () => {
    const { hub, enter, asked } = await factory()
    const session = await enter()
    await expect(session.publish(request, bytes({ n: 1 }))).rejects.toMatchObject({ code: 'PROVISION_UNHEARD' })
    expect(asked).toEqual([])
    const heard: string[] = []
    const granted = session.subscribe(response, ({ bytes: answer }) => void heard.push(Buffer.from(answer).toString()))
    await Promise.all([granted, session.publish(request, bytes({ n: 2 }))])
    expect(heard).toEqual(['{"n":2}'])
    expect(Buffer.from(await session.provision(bytes({ n: 3 }))).toString()).toBe('{"n":3}')
    await expect(session.provision(bytes('{'))).rejects.toMatchObject({ code: 'PAYLOAD_MALFORMED' })
    await hub.close()
  })

  test('ends with the key, and is no way in for others', async () => {
    const { hub, enter, peer } = await factory()
    const session = await enter()
    const ends: EndReason[] = []
    session.onEnd((why) => ends.push(why))
    hub.endProvisioning('k2')
    hub.endProvisioning('k1')
    expect(ends).toEqual(['revoked'])
    const device = await hub.open(peer('d'))
    await expect(device.provision(bytes({ n: 1 }))).rejects.toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    const person = { id: 'user:ada', protocol: 'rest', address: '', all: true } as const
    for (const topic of [request, response]) {
      await expect(hub.publishAs(person, topic, bytes('{}'))).rejects.toMatchObject({ code: 'TOPIC_FORBIDDEN' })
    }
    await hub.close()
  })

  test('takes part in the limit of sessions by its key', async () => {
    const { hub, enter } = await factory()
    for (let opened = 0; opened < sessionLimits.sessionsPerProvisioningKey; opened++) await enter()
    await expect(enter()).rejects.toMatchObject({ code: 'SESSIONS_EXCEEDED' })
    await hub.close()
  })
})
