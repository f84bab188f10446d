// oxlint-disable vitest/no-conditional-expect, vitest/expect-expect -- the property looks at what came of its inputs
import type { DeliveryAnswer, Notification } from '@patchbay/contracts/notification'
import { severities, type Severity } from '@patchbay/contracts/severity'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFakeClock, type FakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry, type MemoryRegistry } from '../../test/memory-registry.ts'
import { createMemoryJobs, type MemoryJobs } from '../../test/memory-jobs.ts'
import { createAlerts } from './alerts.ts'
import { createDispatcher } from './dispatcher.ts'
import { alertLimits } from './limits.ts'
import { createMaintenance } from './maintenance.ts'
import type { AlertSignal } from './port.ts'
import type { RuleTexts } from './rule-book.ts'
import { createSystemAlerts, withSystemRules } from './system-alerts.ts'

const minute = 60_000

interface World {
  registry: MemoryRegistry
  clock: FakeClock
  jobs: MemoryJobs
  rules: Map<string, Partial<RuleTexts>>
  answer: (channel: string, notification: Notification) => DeliveryAnswer
  told: { channel: string; notification: Notification }[]
}

const createWorld = (): World => {
  const clock = createFakeClock()
  return {
    registry: createMemoryRegistry(),
    clock,
    jobs: createMemoryJobs(clock),
    rules: new Map([['hot', { name: 'Too hot', channels: ['ops'] }]]),
    answer: () => ({ outcome: 'delivered', reply: 'ok' }),
    told: [],
  }
}

/** Until what is under way has landed: everything here answers within some microtasks. */
const turns = async () => {
  for (let i = 0; i < 300; i++) await Promise.resolve()
}

let random = 0
async function start(world: World) {
  const { registry, clock, jobs } = world
  const faults: unknown[] = []
  const failed = (error: unknown) => void faults.push(error)
  const randomId = () => `r${random++}`
  const maintenance = createMaintenance({ registry, clock, randomId })
  await maintenance.load()
  const rules = withSystemRules(() => ({
    ruleOf(id) {
      const texts = world.rules.get(id)
      return texts && { id, name: id, channels: [], escalate: [], ...texts }
    },
  }))
  const devices = { factsOf: async (id: string) => ({ name: `Name of ${id}`, type: 'boiler', tags: ['roof'] }) }
  const alerts = createAlerts({ registry, clock, randomId, rules, devices, maintenance, failed })
  const system = createSystemAlerts({ sink: alerts, nowMicros: () => clock.nowMicros(), randomId })
  const dispatcher = createDispatcher({
    alerts,
    jobs,
    clock,
    random: () => 0.5,
    linkOf: () => undefined,
    channels: {
      deliver: async (channel, notification) => {
        world.told.push({ channel, notification })
        return world.answer(channel, notification)
      },
    },
    raiseSystem: system.raiseSystem,
    failed,
  })
  await alerts.start()
  dispatcher.start()
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      clock.pass(Math.min(left, 500))
      await turns()
    }
  }
  const kinds = async (id: string) => (await alerts.get(id)).timeline.map(({ kind }) => kind)
  return {
    alerts,
    maintenance,
    system,
    dispatcher,
    faults,
    pass,
    kinds,
    /** As a kill: nothing is written any more. */
    stop() {
      alerts.close()
      void dispatcher.close()
    },
    only: async () => (await alerts.list({ limit: 10 })).items[0]!,
  }
}

let signals = 0
const signal = (
  kind: AlertSignal['kind'],
  more: { device?: string; rule?: string; severity?: Severity; at?: number; id?: string } = {},
): AlertSignal => {
  const { device = 'd', rule = 'hot', severity = 'major', at = 1_760_000_000_000_000, id = `s${signals++}` } = more
  const of = { id, rule, device, at, value: { temperature: 91 }, cause: 'temperature > 90' }
  return kind === 'clear' ? { ...of, kind } : { ...of, kind, severity }
}

const toldKinds = (world: World, channel = 'ops') =>
  world.told.filter((each) => each.channel === channel).map(({ notification }) => notification.kind)

describe('an alert', () => {
  test('is raised, told, acknowledged, gets worse, opens again and resolves, with every step in its timeline', async () => {
    const world = createWorld()
    const { alerts, pass, kinds, only } = await start(world)
    await alerts.apply([signal('raise')])
    await pass(2000)
    const { id } = await only()
    expect(await only()).toMatchObject({ state: 'open', severity: 'major', count: 1, ruleName: 'Too hot' })
    await alerts.acknowledge(id, 'user:ada', 'on my way')
    await alerts.apply([signal('repeat'), signal('repeat'), signal('severity', { severity: 'critical' })])
    await pass(2000)
    expect(await only()).toMatchObject({ state: 'open', severity: 'critical', count: 3 })
    await alerts.assign(id, 'user:ada', 'bob')
    await alerts.comment(id, 'user:ada', 'valve stuck')
    await alerts.apply([signal('severity', { severity: 'minor' }), signal('clear')])
    await pass(2000)
    const alert = await alerts.get(id)
    expect(alert).toMatchObject({ state: 'resolved', resolvedBy: 'rule', assignee: 'bob', severity: 'minor' })
    const before = 'raised notified delivery acknowledged repeated severity reopened notified delivery'
    const after = 'assigned commented severity resolved notified delivery'
    expect((await kinds(id)).join(' ')).toBe(`${before} ${after}`)
    expect(alert.timeline.find(({ kind }) => kind === 'repeated')).toMatchObject({ times: 2 })
    expect(alert.timeline.find(({ kind }) => kind === 'delivery')).toMatchObject({
      channel: 'ops',
      attempt: 1,
      outcome: 'delivered',
      text: 'ok',
    })
    expect(toldKinds(world)).toEqual(['raised', 'severity', 'resolved'])
    expect(world.told[0]!.notification).toMatchObject({
      id: `${id}.1.ops`,
      rule: { id: 'hot', name: 'Too hot' },
      device: { id: 'd', name: 'Name of d', type: 'boiler', tags: ['roof'] },
    })
    await expect(alerts.acknowledge(id, 'user:ada')).rejects.toMatchObject({ code: 'STATE_CONFLICT' })
    await expect(alerts.resolve(id, 'user:ada')).rejects.toMatchObject({ code: 'STATE_CONFLICT' })
    await expect(alerts.acknowledge('none', 'user:ada')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that a person resolved comes back only with a new raise or when it gets worse', async () => {
    const world = createWorld()
    const { alerts, pass, only } = await start(world)
    await alerts.apply([signal('raise')])
    await pass(2000)
    const first = await only()
    const ended: string[] = []
    alerts.onResolvedByHand((rule, device) => ended.push(`${rule}/${device}`))
    await alerts.resolve(first.id, 'user:ada')
    expect(ended).toEqual(['hot/d'])
    await alerts.apply([signal('repeat'), signal('severity', { severity: 'minor' })])
    expect((await only()).id).toBe(first.id)
    await alerts.apply([signal('severity', { severity: 'critical' })])
    expect((await only()).id).not.toBe(first.id)
    expect(await only()).toMatchObject({ state: 'open', severity: 'critical' })
  })

  test('applied signals change nothing when they come again, also after a restart and after its end', async () => {
    const world = createWorld()
    const first = await start(world)
    const batch = [signal('raise'), signal('repeat'), signal('clear'), signal('raise', { device: 'e' })]
    await first.alerts.apply(batch)
    await first.pass(2000)
    first.stop()
    const { alerts, pass } = await start(world)
    await alerts.apply(batch)
    await pass(2000)
    const { items } = await alerts.list({ limit: 10 })
    expect(items.map(({ device, state, count }) => [device, state, count])).toEqual(
      expect.arrayContaining([
        ['d', 'resolved', 2],
        ['e', 'open', 1],
      ]),
    )
    expect(items).toHaveLength(2)
  })

  test('flaps: from the fifth raise in ten minutes it stays one alert until it has been calm', async () => {
    const world = createWorld()
    const { alerts, pass, only } = await start(world)
    for (let i = 0; i < 20; i++) {
      await alerts.apply([signal('raise')])
      await pass(10_000)
      await alerts.apply([signal('clear')])
      await pass(10_000)
    }
    expect((await alerts.list({ limit: 50 })).items).toHaveLength(alertLimits.flapRaises)
    expect(await only()).toMatchObject({ state: 'open', flapping: true, count: 16 })
    expect(toldKinds(world)).toEqual([...Array.from({ length: 4 }, () => ['raised', 'resolved']).flat(), 'raised'])
    await pass(5 * minute)
    expect(await only()).toMatchObject({ state: 'resolved', resolvedBy: 'rule' })
    expect(toldKinds(world).at(-1)).toBe('resolved')
  })

  test('in maintenance is recorded and told to nobody', async () => {
    const world = createWorld()
    const { alerts, maintenance, pass, kinds, only } = await start(world)
    const iso = (ms: number) => new Date(world.clock.nowMicros() / 1000 + ms).toISOString()
    await maintenance.create({ name: 'Roof works', from: iso(0), to: iso(minute), tags: ['roof'] }, 'user:ada')
    await alerts.apply([signal('raise')])
    await pass(3000)
    expect(await kinds((await only()).id)).toEqual(['raised', 'withheld'])
    expect((await only()).timeline[1]).toMatchObject({ text: 'maintenance: Roof works', notificationKind: 'raised' })
    expect(world.told).toEqual([])
    await pass(minute)
    await alerts.apply([signal('severity', { severity: 'critical' })])
    await pass(3000)
    expect(toldKinds(world)).toEqual(['severity'])
  })

  test('hundreds of one rule at once are one notification with the list, and so is their end', async () => {
    const world = createWorld()
    const { alerts, pass, only } = await start(world)
    const all = Array.from({ length: 500 }, (_, i) => `d${i}`)
    await alerts.apply(
      all.map((device) => signal('raise', { device, severity: device === 'd7' ? 'critical' : 'minor' })),
    )
    await pass(5000)
    expect(toldKinds(world)).toEqual(['storm'])
    const { group, device } = world.told[0]!.notification
    expect(group?.count).toBe(500)
    expect(group?.alerts.map((each) => each.device).toSorted()).toEqual(all.toSorted())
    expect(device.id).toBe('d7')
    await alerts.apply(['x1', 'x2'].map((each) => signal('raise', { device: each })))
    await pass(30_000)
    expect(world.told).toHaveLength(1)
    await pass(30_000)
    expect(toldKinds(world)).toEqual(['storm', 'storm'])
    await alerts.apply(all.map((each) => signal('clear', { device: each })))
    await pass(5000)
    expect(toldKinds(world)).toEqual(['storm', 'storm', 'resolved'])
    expect(world.told[2]!.notification.group?.count).toBe(500)
    expect((await only()).notifications).toEqual({ pending: 0, failed: 0 })
  })
})

test('the platform’s own alerts are raised once, keep every cause, and can be over', async () => {
  const world = createWorld()
  const { system, pass, only } = await start(world)
  await system.raiseSystem('rule-stopped', undefined, 'the rule a costs too much')
  await system.raiseSystem('rule-stopped', undefined, 'the rule b triggers itself')
  await pass(2000)
  const alert = await only()
  expect(alert).toMatchObject({
    rule: 'system:rule-stopped',
    device: 'platform',
    count: 2,
    ruleName: 'A rule was stopped',
  })
  expect(alert.timeline.map(({ text }) => text)).toEqual(['the rule a costs too much', 'the rule b triggers itself'])
  expect(world.told).toEqual([])
  await system.clearSystem('rule-stopped', undefined, 'both were mended')
  expect(await only()).toMatchObject({ state: 'resolved' })
})

describe('a delivery', () => {
  test('is tried again with the same key and growing waits for 24 h, then given up, told and retryable', async () => {
    const world = createWorld()
    const { alerts, pass, only, dispatcher } = await start(world)
    world.answer = () => ({ outcome: 'retry', reply: '503 busy' })
    await alerts.apply([signal('raise')])
    await pass(60_000)
    const tries = world.told.length
    expect(tries).toBeGreaterThan(3)
    expect(tries).toBeLessThan(7)
    for (let hours = 0; hours < 26; hours++) {
      world.clock.pass(3_600_000)
      await turns()
      await pass(1500)
    }
    expect(new Set(world.told.map(({ notification }) => notification.id)).size).toBe(1)
    const { items } = await alerts.list({ rule: 'hot', limit: 1 })
    const { id, timeline, notifications } = await alerts.get(items[0]!.id)
    expect(notifications).toEqual({ pending: 0, failed: 1 })
    expect(timeline.at(-1)).toMatchObject({ kind: 'delivery', outcome: 'expired', text: '503 busy' })
    expect(await only()).toMatchObject({ rule: 'system:delivery-failed', device: 'd', severity: 'major' })
    const key = `${id}.1.ops`
    expect(await world.jobs.findFailed('alerts', key)).toMatchObject({ why: '503 busy' })
    world.answer = () => ({ outcome: 'delivered', reply: 'ok' })
    expect(await dispatcher.reopen(key, 'user:ada')).toBe(true)
    await world.jobs.retry('alerts', key)
    await pass(2000)
    expect((await alerts.get(id)).notifications).toEqual({ pending: 0, failed: 0 })
    expect(await dispatcher.reopen(key, 'user:ada')).toBe(false)
  })

  test('that is refused is not tried again, and one that is asked to wait waits', async () => {
    const world = createWorld()
    world.rules.set('hot', { channels: ['gone', 'slow'] })
    const { alerts, pass } = await start(world)
    let asked = false
    world.answer = (channel) => {
      if (channel === 'gone') return { outcome: 'refused', reply: '410' }
      if (asked) return { outcome: 'delivered', reply: 'ok' }
      asked = true
      return { outcome: 'retry', reply: '429', afterMs: 120_000 }
    }
    await alerts.apply([signal('raise')])
    await pass(100_000)
    expect(world.told.map(({ channel }) => channel).toSorted()).toEqual(['gone', 'slow'])
    await pass(30_000)
    expect(world.told.map(({ channel }) => channel).toSorted()).toEqual(['gone', 'slow', 'slow'])
  })

  test('is made after the queue lost everything, once, within half a minute', async () => {
    const world = createWorld()
    const { alerts, pass } = await start(world)
    await alerts.apply(Array.from({ length: 50 }, (_, i) => signal('raise', { rule: `r${i}` })))
    for (let i = 0; i < 50; i++) world.rules.set(`q${i}`, { channels: ['ops'] })
    await alerts.apply(Array.from({ length: 50 }, (_, i) => signal('raise', { rule: `q${i}` })))
    world.jobs.pause(true)
    await pass(3000)
    expect(world.told).toEqual([])
    world.jobs.flush()
    world.jobs.pause(false)
    await pass(35_000)
    expect(world.told).toHaveLength(50)
    expect(new Set(world.told.map(({ notification }) => notification.id)).size).toBe(50)
  })

  test('survives a stop at any moment before it is made', async () => {
    const world = createWorld()
    const first = await start(world)
    await first.alerts.apply([signal('raise')])
    first.stop()
    world.jobs.flush()
    const { pass } = await start(world)
    await pass(5000)
    expect(toldKinds(world)).toEqual(['raised'])
  })
})

describe('time', () => {
  const escalating = { channels: ['ops'], escalate: [{ afterMicros: 15 * minute * 1000, channels: ['boss'] }] }

  test.each([
    ['stands still', 0],
    ['is set an hour ahead', 3_600_000],
    ['is set an hour back', -3_600_000],
  ])('escalates after 15 minutes and not before when the clock %s', async (_, jumpMs) => {
    const world = createWorld()
    world.rules.set('hot', escalating)
    const { alerts, pass } = await start(world)
    await alerts.apply([signal('raise')])
    await pass(5 * minute)
    world.clock.jump(jumpMs)
    await pass(9 * minute)
    expect(toldKinds(world, 'boss')).toEqual([])
    await pass(2 * minute)
    expect(toldKinds(world, 'boss')).toEqual(['escalated'])
    await pass(60 * minute)
    expect(toldKinds(world, 'boss')).toEqual(['escalated'])
  })

  test('goes on over a restart, and waits no longer than the whole delay when the clock was set back meanwhile', async () => {
    const world = createWorld()
    world.rules.set('hot', escalating)
    const first = await start(world)
    await first.alerts.apply([signal('raise')])
    await first.pass(10 * minute)
    first.stop()
    const second = await start(world)
    await second.pass(4 * minute)
    expect(toldKinds(world, 'boss')).toEqual([])
    await second.pass(2 * minute)
    expect(toldKinds(world, 'boss')).toEqual(['escalated'])
    await second.alerts.apply([signal('raise', { device: 'e' })])
    await second.pass(minute)
    second.stop()
    world.clock.jump(-3_600_000)
    const third = await start(world)
    await third.pass(17 * minute)
    expect(toldKinds(world, 'boss')).toEqual(['escalated', 'escalated'])
  })

  test('nobody is escalated to once somebody has acknowledged or it is over', async () => {
    const world = createWorld()
    world.rules.set('hot', escalating)
    const { alerts, pass, only } = await start(world)
    await alerts.apply([signal('raise')])
    await alerts.acknowledge((await only()).id, 'user:ada')
    await alerts.apply([signal('raise', { device: 'e' }), signal('clear', { device: 'e' })])
    await pass(20 * minute)
    expect(toldKinds(world, 'boss')).toEqual([])
  })

  test('a silence holds until its time by the clock, over restarts and jumps, and then tells what it held back', async () => {
    const world = createWorld()
    world.rules.set('hot', escalating)
    const first = await start(world)
    await first.alerts.apply([signal('raise')])
    await first.pass(2000)
    const { id } = await first.only()
    const until = new Date(world.clock.nowMicros() / 1000 + 90 * minute).toISOString()
    await first.alerts.silence(id, 'user:ada', until)
    await first.alerts.apply([signal('severity', { severity: 'critical' })])
    await first.pass(20 * minute)
    expect(toldKinds(world)).toEqual(['raised'])
    expect(toldKinds(world, 'boss')).toEqual([])
    first.stop()
    const { pass, kinds } = await start(world)
    world.clock.jump(3_600_000)
    await pass(9 * minute)
    expect(toldKinds(world)).toEqual(['raised'])
    await pass(3 * minute)
    expect(toldKinds(world)).toEqual(['raised', 'severity'])
    expect(await kinds(id)).toContain('silence-ended')
    await pass(70 * minute)
    expect(toldKinds(world, 'boss')).toEqual(['escalated'])
  })
})

test('no raise is lost and no second alert opened, whatever happens in which order', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('raise', 'raise', 'severity', 'repeat', 'clear'),
        device: fc.constantFrom('a', 'b'),
        severity: fc.constantFrom(...severities),
        again: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('acknowledge', 'resolve', 'silence', 'unsilence'), n: fc.nat(5) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart', 'fail', 'heal', 'flush') }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('ahead', 'back') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.integer({ min: 100, max: 400_000 }) }) },
  )
  type Step = { do: string; device?: string; severity?: Severity; again?: boolean; n?: number; ms?: number }
  let failures = 0
  const property = fc.asyncProperty(fc.array<Step>(step, { minLength: 10, maxLength: 40 }), async (steps) => {
    const world = createWorld()
    world.rules.set('hot', { channels: ['ops'], escalate: [{ afterMicros: minute * 1000, channels: ['boss'] }] })
    let now = await start(world)
    /** Signals whose `apply` was acknowledged: what must be seen of them. */
    const raised = new Map<string, number>()
    const last: AlertSignal[] = []
    world.answer = () =>
      failures++ % 3 === 0 ? { outcome: 'retry', reply: 'later' } : { outcome: 'delivered', reply: 'ok' }
    const quietly = (work: Promise<unknown>) => work.catch(() => undefined)
    for (const each of steps) {
      const { device = 'a', severity = 'major' } = each
      if (['raise', 'severity', 'repeat', 'clear'].includes(each.do)) {
        const one = each.again && last.length > 0 ? last.at(-1)! : signal(each.do as 'raise', { device, severity })
        let applied = false
        // As rules do: the same signals are handed over until they are taken, before any later one.
        for (let tries = 0; tries < 3 && !applied; tries++) {
          applied = await now.alerts.apply([one]).then(
            () => true,
            () => false,
          )
          if (!applied) world.registry.failing = undefined
        }
        expect(applied).toBe(true)
        if (one.kind === 'raise' && last.at(-1) !== one) raised.set(one.device, (raised.get(one.device) ?? 0) + 1)
        last.push(one)
      } else if (each.do === 'restart') {
        world.registry.failing = undefined
        now.stop()
        now = await start(world)
      } else if (each.do === 'fail') world.registry.failing = (call) => call === 'put'
      else if (each.do === 'heal') world.registry.failing = undefined
      else if (each.do === 'flush') world.jobs.flush()
      else if (each.do === 'ahead') world.clock.jump(3_600_000)
      else if (each.do === 'back') world.clock.jump(-3_600_000)
      else if (each.do === 'pass') {
        world.clock.pass(each.ms ?? 0)
        await turns()
      } else {
        const { items } = await now.alerts.list({ limit: 10 })
        const id = items[(each.n ?? 0) % (items.length || 1)]?.id ?? 'none'
        const until = new Date(world.clock.nowMicros() / 1000 + 100_000).toISOString()
        if (each.do === 'acknowledge') await quietly(now.alerts.acknowledge(id, 'user:x'))
        else if (each.do === 'resolve') await quietly(now.alerts.resolve(id, 'user:x'))
        else await quietly(now.alerts.silence(id, 'user:x', each.do === 'silence' ? until : null))
      }
      world.registry.failing ??= undefined
      const failing = world.registry.failing
      world.registry.failing = undefined
      const { items } = await now.alerts.list({ limit: 200 })
      world.registry.failing = failing
      for (const pair of ['a', 'b']) {
        const mine = items.filter((alert) => alert.device === pair)
        // One active at most, and it is the newest.
        expect(mine.slice(1).filter(({ state }) => state !== 'resolved')).toEqual([])
        // Every raise opened one or was counted by one.
        const counted = mine.reduce((sum, { count }) => sum + count, 0)
        expect(counted).toBeGreaterThanOrEqual(raised.get(pair) ?? 0)
      }
    }
    // In the end everything that was to be told is told, or was held back with a reason.
    world.registry.failing = undefined
    world.answer = () => ({ outcome: 'delivered', reply: 'ok' })
    await now.pass(20_000)
    world.clock.pass(7_200_000)
    await turns()
    await now.pass(40_000)
    const { items } = await now.alerts.list({ limit: 200 })
    for (const { id } of items) {
      const { timeline, notifications } = await now.alerts.get(id)
      expect(notifications.pending).toBe(0)
      const notified = timeline.filter(({ kind }) => kind === 'notified').flatMap(({ channels }) => channels ?? [])
      const delivered = timeline.filter(({ outcome }) => outcome === 'delivered')
      const grouped = timeline.filter(({ kind, text }) => kind === 'grouped' && text?.startsWith('told together'))
      // A notification that was told with another alert may have had both channels.
      expect(delivered.length + 2 * grouped.length).toBeGreaterThanOrEqual(notified.length)
      expect(timeline.some(({ kind }) => kind === 'notified' || kind === 'withheld')).toBe(true)
    }
    now.stop()
  })
  const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Date.now() % 2 ** 31)
  console.log(`alerts: seed ${seed}`)
  await fc.assert(property, { seed, numRuns: 60 })
}, 120_000)
