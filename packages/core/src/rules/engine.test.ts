import { afterEach, expect, test, vi } from 'vitest'
import { closeRuleWorlds, createRuleWorld } from '../../test/rule-world.ts'
import { bodyOf } from '../../test/virtual-rule.ts'
import { ruleLimits } from './limits.ts'

afterEach(closeRuleWorlds)

const hot = bodyOf({ levels: [{ severity: 'critical', when: 'temperature > 90.0' }] })

test('what is committed reaches the rules of its device, and only those', async () => {
  const world = createRuleWorld()
  await world.addDevice('a', 'boiler', ['north'])
  await world.addDevice('b', 'boiler', ['south'])
  await world.addDevice('c', 'pump', ['north'])
  const { rules, send } = await world.start()
  await rules.create({ ...hot, id: 'all' }, 'user:ada')
  await rules.create({ ...hot, id: 'by-type', scope: { types: ['boiler'], tags: ['north'] } }, 'user:ada')
  await rules.create({ ...hot, id: 'by-device', scope: { devices: ['c'] } }, 'user:ada')
  for (const device of ['a', 'b', 'c']) await send(device, { temperature: 95 })
  await rules.caughtUp()
  expect(world.alerts.signals.map(({ rule, device }) => `${rule} ${device}`).toSorted()).toEqual([
    'all a',
    'all b',
    'all c',
    'by-device c',
    'by-type a',
  ])
  expect(world.faults).toEqual([])
})

test('a new rule looks at the present values at once, and a deleted one clears', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send } = await world.start()
  await send('a', { temperature: 95 })
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  await rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise'])
  await rules.patch('hot', { enabled: false }, 'user:ada')
  expect(world.kinds()).toEqual(['a raise', 'a clear'])
  await rules.patch('hot', { enabled: true }, 'user:ada')
  await rules.caughtUp()
  await rules.remove('hot')
  expect(world.kinds()).toEqual(['a raise', 'a clear', 'a raise', 'a clear'])
  expect(await world.registry.count('rules')).toBe(0)
})

test('a changed rule goes on with what is open', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send } = await world.start()
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  await send('a', { temperature: 95 })
  await rules.caughtUp()
  await rules.replace(
    'hot',
    { ...hot, name: 'other', levels: [{ severity: 'info', when: 'temperature > 94.0' }] },
    'user:ada',
  )
  await rules.caughtUp()
  await rules.replace('hot', { ...hot, levels: [{ severity: 'info', when: 'temperature > 99.0' }] }, 'user:ada')
  await rules.caughtUp()
  expect(world.alerts.signals.map((signal) => [signal.kind, 'severity' in signal ? signal.severity : ''])).toEqual([
    ['raise', 'critical'],
    ['severity', 'info'],
    ['clear', ''],
  ])
})

test('a device that leaves the scope, or goes, is cleared', async () => {
  const world = createRuleWorld()
  const device = await world.addDevice('a', 'boiler')
  const { rules, send } = await world.start()
  await rules.create({ ...hot, id: 'hot', scope: { types: ['boiler'] } }, 'user:ada')
  await send('a', { temperature: 95 })
  await rules.caughtUp()
  rules.follow({ kind: 'changed', device: { ...device, type: 'pump' } })
  await rules.caughtUp()
  rules.follow({ kind: 'changed', device })
  await rules.caughtUp()
  rules.follow({ kind: 'deleted', device })
  await rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise', 'a clear', 'a raise', 'a clear'])
  await vi.waitFor(async () => expect(await world.registry.count('rule_states')).toBe(0))
})

test('a kill between commit and rule loses nothing and doubles nothing', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create({ ...hot, id: 'hot', clear: 'temperature < 80.0' }, 'user:ada')
  await first.send('a', { temperature: 20 })
  await first.rules.caughtUp()
  // From here on its rules are dead: groups are committed, nobody looks at them.
  first.kill()
  await first.send('a', { temperature: 95 })
  await first.send('a', { temperature: 70 })
  await first.send('a', { temperature: 99 })
  expect(world.kinds()).toEqual([])
  const second = await world.start()
  await second.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise', 'a clear', 'a raise'])
  second.kill()
  const third = await world.start()
  await third.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise', 'a clear', 'a raise'])
  await third.send('a', { temperature: 60 })
  await third.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise', 'a clear', 'a raise', 'a clear'])
})

test('a kill between state and alerts gives the signals again, once', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create({ ...hot, id: 'hot' }, 'user:ada')
  world.alerts.failing = true
  await first.send('a', { temperature: 95 })
  await vi.waitFor(async () => {
    const stored = await world.registry.get('rule_states', 'a')
    expect(stored?.body['pending']).toHaveLength(1)
  })
  first.kill()
  world.alerts.failing = false
  const second = await world.start()
  await second.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise'])
})

test('timers: a hold goes on over a restart, silence begins where it was', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create(
    bodyOf({ levels: [{ severity: 'major', when: 'temperature > 90.0', for: '60s' }] }),
    'user:ada',
  )
  await first.rules.create({ ...bodyOf({ noData: '60s' }), id: 'quiet' }, 'user:ada')
  await first.send('a', { temperature: 95 })
  await first.pass(40)
  await first.rules.close()
  const second = await world.start()
  await second.pass(15)
  expect(world.kinds()).toEqual([])
  await second.pass(8)
  expect(world.kinds()).toEqual(['a raise', 'a raise'])
})

test.each([3600, -3600])('timers: the clock is set by %i s, and nothing comes early or late', async (jump) => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send, pass } = await world.start()
  await rules.create(bodyOf({ levels: [{ severity: 'major', when: 'temperature > 90.0', for: '60s' }] }), 'user:ada')
  await rules.create({ ...bodyOf({ noData: '90s' }), id: 'quiet' }, 'user:ada')
  await send('a', { temperature: 95 })
  await pass(30)
  world.clock.jump(jump * 1000)
  await pass(25)
  expect(world.kinds()).toEqual([])
  await pass(8)
  expect(world.kinds()).toEqual(['a raise'])
  await pass(20)
  expect(world.kinds()).toEqual(['a raise'])
  await pass(12)
  expect(world.kinds()).toEqual(['a raise', 'a raise'])
})

test('presence and shadow', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, pass } = await world.start()
  await rules.create({ ...bodyOf({ offline: '30s' }), id: 'gone' }, 'user:ada')
  await rules.create(
    { ...bodyOf({ levels: [{ severity: 'info', when: 'shadow.reported.on == false' }] }), id: 'off' },
    'user:ada',
  )
  rules.follow({ kind: 'status', device: 'a', status: 'offline', at: world.clock.nowMicros(), why: '' })
  await pass(31)
  world.shadows.set('a', { desired: {}, reported: { on: false } })
  rules.follow({ kind: 'shadow', device: 'a' })
  await rules.caughtUp()
  rules.follow({ kind: 'status', device: 'a', status: 'online', at: world.clock.nowMicros(), why: '' })
  await rules.caughtUp()
  expect(world.alerts.signals.map(({ rule, kind }) => `${rule} ${kind}`)).toEqual([
    'gone raise',
    'off raise',
    'gone clear',
  ])
})

test('presence and shadow that changed while the platform was down are seen at the start', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create({ ...bodyOf({ offline: '30s' }), id: 'gone' }, 'user:ada')
  await first.rules.create(
    { ...bodyOf({ levels: [{ severity: 'info', when: 'shadow.reported.on == false' }] }), id: 'off' },
    'user:ada',
  )
  await first.rules.close()
  world.shadows.set('a', { desired: {}, reported: { on: false } })
  world.presence.set('a', { status: 'offline', since: new Date(world.clock.nowMicros() / 1000 - 60_000).toISOString() })
  const second = await world.start()
  await second.pass(1)
  expect(world.alerts.signals.map(({ rule, kind }) => `${rule} ${kind}`).toSorted()).toEqual([
    'gone raise',
    'off raise',
  ])
})

test('a rule whose evaluation takes too long is stopped, marked and told, and the others go on', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send } = await world.start()
  await rules.create(
    bodyOf({
      levels: [{ severity: 'info', when: 'v.exists(k, v == v && v == v && v == v && v == v && v[k] == 0.5)' }],
    }),
    'user:mallory',
  )
  const [mine] = (await rules.list({ limit: 10 })).items
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  await send('a', Object.fromEntries(Array.from({ length: 1900 }, (_, i) => [`key${i}`, i])))
  await send('a', { temperature: 95 })
  await rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise'])
  await vi.waitFor(() =>
    expect(rules.get(mine?.id ?? '').status).toMatchObject({ state: 'stopped', code: 'RULE_TOO_SLOW' }),
  )
  expect(world.notices).toMatchObject([{ owner: 'user:mallory', status: { state: 'stopped' } }])
  // Not forgotten by a restart.
  await vi.waitFor(async () => {
    const second = await world.start()
    expect(second.rules.get(mine?.id ?? '').status.state).toBe('stopped')
  })
})

test('a rule that feeds itself is held back, marked and told', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send } = await world.start()
  await rules.create({ ...hot, id: 'loop' }, 'user:ada')
  // What an alert that is published as telemetry of the same device does.
  for (let turn = 0; turn < 30; turn++) {
    await send('a', { temperature: 95 })
    await rules.caughtUp()
    await send('a', { temperature: 20 })
    await rules.caughtUp()
  }
  expect(world.kinds().filter((kind) => kind === 'a raise')).toHaveLength(ruleLimits.loopRaises)
  expect(rules.get('loop').status).toMatchObject({ state: 'limited', code: 'RULE_LOOPS' })
  expect(world.notices).toHaveLength(1)
})

test('the alerts are away for a while: nothing is lost', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send, pass } = await world.start()
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  world.alerts.failing = true
  await send('a', { temperature: 95 })
  await send('a', { temperature: 20 })
  world.clock.pass(5000)
  await Promise.resolve()
  expect(world.kinds()).toEqual([])
  world.alerts.failing = false
  await vi.waitFor(async () => {
    world.clock.pass(1000)
    await Promise.resolve()
    expect(world.kinds()).toEqual(['a raise', 'a clear'])
  })
  await pass(1)
})

test('an alert that somebody resolved is raised again by the next reading that matches', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send } = await world.start()
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  await send('a', { temperature: 95 })
  await rules.caughtUp()
  rules.resolved('hot', 'a')
  await send('a', { temperature: 96 })
  await rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise', 'a raise'])
})

test('more than the queue holds is read back from the log, in order', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, send, queue } = await world.start()
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  const wake = queue.onWake
  queue.onWake = () => {}
  for (let i = 0; i < 20; i++) {
    for (let more = 0; more < 4; more++) {
      await send('a', Object.fromEntries(Array.from({ length: 1900 }, (_, n) => [`k${n}`, n])))
    }
    world.clock.pass(2000)
    await send('a', { temperature: i % 2 === 0 ? 95 : 20 })
  }
  queue.onWake = wake
  wake()
  await rules.caughtUp()
  expect(world.kinds()).toEqual(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'a raise' : 'a clear')))
})

test('without rules nothing is copied and nothing is read', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const { rules, queue, send } = await world.start()
  await send('a', { temperature: 95 })
  expect(queue.open).toBe(false)
  expect(rules.stats()).toMatchObject({ rules: 0, readings: 0 })
  await rules.create({ ...hot, id: 'hot' }, 'user:ada')
  expect(queue.open).toBe(true)
  await rules.remove('hot')
  expect(queue.open).toBe(false)
})

test('a rule made after a time without rules does not look at what came in between', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create({ ...hot, id: 'old' }, 'user:ada')
  await first.rules.remove('old')
  await first.send('a', { temperature: 95 })
  await first.send('a', { temperature: 20 })
  // Saved, and killed before it was ever in force.
  await first.rules.create({ ...hot, id: 'new' }, 'user:ada')
  await world.registry.delete('meta', 'rules')
  first.kill()
  const second = await world.start()
  await second.rules.caughtUp()
  expect(world.kinds()).toEqual([])
  await second.send('a', { temperature: 96 })
  await second.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise'])
})

test('a registry that is away at the start is asked again, and nothing is lost', async () => {
  const world = createRuleWorld()
  await world.addDevice('a')
  const first = await world.start()
  await first.rules.create({ ...hot, id: 'hot' }, 'user:ada')
  first.kill()
  await first.send('a', { temperature: 95 })
  let refused = 0
  world.registry.failing = (call, collection) => call === 'list' && collection === 'rule_states' && ++refused < 3
  const starting = world.start()
  await vi.waitFor(() => {
    world.clock.pass(1000)
    expect(refused).toBeGreaterThanOrEqual(3)
  })
  const second = await starting
  await second.rules.caughtUp()
  expect(world.kinds()).toEqual(['a raise'])
})
