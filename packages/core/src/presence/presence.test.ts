import * as fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import type { DeviceEvent } from '../devices/port.ts'
import { createPresence, reconnectMs, seenFlushMs, sweepMs } from './presence.ts'
import { presenceRetryMs } from './presence-store.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)

async function start(registry = createMemoryRegistry(), heartbeat = 60_000) {
  const clock = createFakeClock()
  const events: Extract<DeviceEvent, { kind: 'status' }>[] = []
  const errors: unknown[] = []
  const beats = new Map<string, number>()
  const presence = createPresence({
    registry,
    clock,
    heartbeatMs: (id) => beats.get(id) ?? heartbeat,
    hear: (event) => event.kind === 'status' && events.push(event),
    failed: (error) => errors.push(error),
  })
  await presence.load()
  const alive = (id = 'a') => presence.alive(id, clock.nowMicros())
  const states = () => events.map(({ status }) => status)
  return {
    registry,
    clock,
    presence,
    events,
    states,
    alive,
    beats,
    errors,
    of: (id = 'a') => presence.status(id).status,
  }
}

it('is never, then online by a message, then offline when the heartbeat is missed', async () => {
  const { presence, clock, alive, of, events } = await start()
  expect(presence.status('a')).toEqual({ status: 'never' })
  alive()
  const at = new Date(clock.nowMicros() / 1000).toISOString()
  expect(presence.status('a')).toEqual({ status: 'online', since: at, lastSeenAt: at })
  clock.pass(60_000)
  expect(of()).toBe('online')
  clock.pass(sweepMs + 1)
  expect(presence.status('a')).toMatchObject({ status: 'offline', lastSeenAt: at })
  expect(events).toMatchObject([
    { device: 'a', status: 'online' },
    { device: 'a', status: 'offline', why: 'The heartbeat was missed.' },
  ])
})

it('forgives the end of a session for ten seconds', async () => {
  const { presence, clock, of, states } = await start()
  presence.sessionOpened('a')
  clock.pass(5000)
  presence.sessionClosed('a')
  clock.pass(reconnectMs - 1000)
  presence.sessionOpened('a')
  clock.pass(20_000)
  expect(states()).toEqual(['online'])
  presence.sessionClosed('a')
  clock.pass(reconnectMs - 1)
  expect(of()).toBe('online')
  clock.pass(sweepMs + 1)
  expect(states()).toEqual(['online', 'offline'])
})

it('is offline only when the last of several sessions ends', async () => {
  const { presence, clock, of } = await start()
  presence.sessionOpened('a')
  presence.sessionOpened('a')
  presence.sessionClosed('a')
  clock.pass(30_000)
  expect(of()).toBe('online')
  presence.sessionClosed('a')
  presence.sessionClosed('a')
  clock.pass(30_000)
  expect(of()).toBe('offline')
})

it('goes offline with a live session that is silent, and comes back with the next message', async () => {
  const { presence, clock, alive, states } = await start()
  presence.sessionOpened('a')
  clock.pass(70_000)
  expect(states()).toEqual(['online', 'offline'])
  alive()
  expect(states()).toEqual(['online', 'offline', 'online'])
})

it('stays online by requests after a session has ended', async () => {
  const { presence, clock, alive, of } = await start()
  presence.sessionOpened('a')
  presence.sessionClosed('a')
  clock.pass(3000)
  alive()
  clock.pass(59_000)
  expect(of()).toBe('online')
  clock.pass(3000)
  expect(of()).toBe('offline')
})

it('does not flap when the clock of the system is set', async () => {
  const { clock, alive, states, presence } = await start()
  presence.sessionOpened('a')
  for (const hours of [1, -1, -1, 1, 24, -48]) {
    clock.jump(hours * 3_600_000)
    clock.pass(20_000)
    alive()
  }
  expect(states()).toEqual(['online'])
})

it('does not blame devices for a pause of the process', async () => {
  const { registry } = await start()
  let now = 0
  let wake = () => {}
  const presence = createPresence({
    registry,
    clock: { nowMicros: () => now * 1000, monotonicMs: () => now, after: (_, work) => ((wake = work), () => {}) },
    heartbeatMs: () => 5000,
    hear: () => {},
  })
  presence.alive('a', 0)
  now = 60_000
  wake()
  expect(presence.status('a').status).toBe('online')
  now += sweepMs
  wake()
  expect(presence.status('a').status).toBe('offline')
})

it('stores transitions at once and the last sign of life once a minute', async () => {
  const { registry, clock, alive, presence } = await start()
  alive()
  await vi.waitFor(async () => expect((await registry.get('presence', 'a'))?.body['status']).toBe('online'))
  for (let second = 0; second < 59; second++) {
    clock.pass(1000)
    alive()
  }
  await presence.load()
  expect(registry.calls.get('append presence')).toBe(1)
  clock.pass(seenFlushMs - 59_000 + sweepMs)
  await vi.waitFor(() => expect(registry.calls.get('append presence')).toBe(2))
  const seen = presence.status('a').lastSeenAt
  await vi.waitFor(async () => expect((await registry.get('presence', 'a'))?.body['lastSeenAt']).toBe(seen))
  clock.pass(1500)
  alive()
  await presence.close()
  expect((await registry.get('presence', 'a'))?.body['lastSeenAt']).toBe(presence.status('a').lastSeenAt)
  expect(clock.waiting).toBe(0)
})

it('keeps what the store could not take and writes it when it can', async () => {
  const { registry, clock, alive, errors } = await start()
  registry.failing = () => true
  for (let at = 0; at < 2500; at++) alive(`d${at}`)
  await vi.waitFor(() => expect(errors).toHaveLength(1))
  await vi.waitFor(() => expect(clock.waiting).toBe(2))
  registry.failing = undefined
  clock.pass(presenceRetryMs)
  await vi.waitFor(async () => expect(await registry.count('presence')).toBe(2500))
})

it('gives devices that were online before a restart a while to show up', async () => {
  for (const [heartbeat, forgiven] of [
    [5000, reconnectMs],
    [60_000, 60_000],
  ] as const) {
    const first = await start(createMemoryRegistry(), heartbeat)
    for (const id of ['silent', 'back', 'gone']) first.alive(id)
    await first.presence.close()
    const stored = await first.registry.get('presence', 'gone')
    await first.registry.put('presence', 'gone', { ...stored?.body, status: 'offline' }, 'any')
    const { presence, clock, of, states } = await start(first.registry, heartbeat)
    expect([of('silent'), of('back'), of('gone'), of('other')]).toEqual(['online', 'online', 'offline', 'never'])
    expect(presence.status('gone').lastSeenAt).toBeDefined()
    clock.pass(forgiven - 1)
    expect(states()).toEqual([])
    presence.sessionOpened('back')
    clock.pass(2 * sweepMs)
    expect([of('silent'), of('back')]).toEqual(['offline', 'online'])
    await presence.close()
  }
})

it('takes a restart for the end of every session', async () => {
  const first = await start()
  for (const id of ['silent', 'back', 'polls']) first.presence.sessionOpened(id)
  await first.presence.close()
  const { presence, clock, alive, of } = await start(first.registry)
  clock.pass(reconnectMs - 1)
  presence.sessionOpened('back')
  alive('polls')
  expect([of('silent'), of('back'), of('polls')]).toEqual(['online', 'online', 'online'])
  clock.pass(2 * sweepMs)
  expect([of('silent'), of('back'), of('polls')]).toEqual(['offline', 'online', 'online'])
  await presence.close()
})

it('forgets a deleted device, and takes over a changed heartbeat', async () => {
  const { presence, clock, alive, of, beats, registry } = await start()
  const device = { id: 'a', name: 'a', type: 't', tags: [], createdAt: '' }
  alive()
  beats.set('a', 5000)
  presence.follow({ kind: 'changed', device })
  clock.pass(7000)
  expect(of()).toBe('offline')
  alive()
  presence.follow({ kind: 'deleted', device })
  expect(of()).toBe('never')
  expect(presence.onlineCount).toBe(0)
  clock.pass(120_000)
  await presence.close()
  expect((await registry.list('presence', { limit: 10 })).items.every(({ body }) => body['status'] !== 'online')).toBe(
    true,
  )
})

it('agrees with the contract under random lives', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('alive', 'open', 'close'), jump: fc.constant(0), pass: fc.constant(0) }),
    fc.record({ do: fc.constant('pass'), jump: fc.constant(0), pass: fc.integer({ min: 1, max: 25_000 }) }),
    fc.record({ do: fc.constant('jump'), jump: fc.constantFrom(-3_600_000, 3_600_000), pass: fc.constant(0) }),
  )
  const heartbeat = 20_000
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { presence, clock, of, states } = await start(createMemoryRegistry(), heartbeat)
      let now = 0
      let sessions = 0
      let seen = -Infinity
      let closed = -Infinity
      for (const each of steps) {
        if (each.do === 'alive') presence.alive('a', clock.nowMicros())
        if (each.do === 'open') presence.sessionOpened('a')
        if (each.do === 'close') presence.sessionClosed('a')
        if (each.do === 'jump') clock.jump(each.jump)
        clock.pass(each.pass)
        if (each.do === 'open') sessions++
        if (each.do === 'alive' || each.do === 'open') {
          seen = now
          if (each.do === 'open' || sessions === 0) closed = -Infinity
        }
        if (each.do === 'close' && sessions > 0 && --sessions === 0) closed = now
        now += each.pass
        const end = Math.min(seen + heartbeat, closed === -Infinity ? Infinity : closed + reconnectMs)
        const status = of()
        // Between the moment and the next look both are right.
        const late = now >= end && now <= end + sweepMs ? status : 'offline'
        expect(status).toBe(seen === -Infinity ? 'never' : now < end ? 'online' : late)
      }
      const turns = states()
      turns.forEach((status, at) => expect(status).toBe(at % 2 ? 'offline' : 'online'))
      await presence.close()
    }),
    { seed, numRuns: 400 },
  )
  process.stdout.write(`presence property: seed ${seed}\n`)
})

it('takes a sign of life in well under a microsecond or two', async () => {
  const { presence, clock } = await start()
  const ids = Array.from({ length: 1000 }, (_, at) => `device-${at}`)
  for (const id of ids) presence.alive(id, clock.nowMicros())
  const began = performance.now()
  for (let round = 0; round < 1000; round++) for (const id of ids) presence.alive(id, round)
  // Milliseconds over a million calls are nanoseconds each.
  const nanos = performance.now() - began
  process.stdout.write(`presence: ${nanos.toFixed(0)} ns per sign of life\n`)
  expect(nanos).toBeLessThan(5000)
})
