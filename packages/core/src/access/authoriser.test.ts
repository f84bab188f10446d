import type { AccessAction, AccessRule } from '@patchbay/contracts/access'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createAuthoriser, toRefusal } from './authoriser.ts'
import type { Subject } from './port.ts'
import { createProviders } from './provider-chain.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)

const rule = (id: string, effect: 'allow' | 'deny', filter: string, more: Partial<AccessRule> = {}): AccessRule => ({
  id,
  effect,
  actions: ['publish', 'subscribe'],
  filter,
  scope: {},
  order: 100,
  createdAt: '2026-01-01T00:00:00.000Z',
  version: 1,
  ...more,
})
const start = (...sorted: AccessRule[]) => {
  const providers = createProviders({ clock: createFakeClock() })
  const rules = { sorted, generation: 1 }
  return { providers, rules, authoriser: createAuthoriser({ rules, providers }) }
}
const device = (id = 'd.1', type = 'default', tags: string[] = []): Subject => ({ kind: 'device', id, type, tags })
const application = (publish: string[], subscribe: string[]): Subject => ({
  kind: 'application',
  id: 'k',
  publish,
  subscribe,
})

/** Of a device `d.1` without any rule: [action, topic, allowed, step]. */
const builtIn: [AccessAction, string, boolean, string][] = [
  ['publish', 'devices/d.1/telemetry', true, 'built-in'],
  ['publish', 'devices/d.1', true, 'built-in'],
  ['publish', 'devices/d.1/', true, 'built-in'],
  ['publish', 'devices/d.1//x', true, 'built-in'],
  ['publish', 'devices/d.1/x/y/z', true, 'built-in'],
  ['publish', 'devices/dx1/telemetry', false, 'default'],
  ['publish', 'devices/d.10/telemetry', false, 'default'],
  ['publish', 'devices/d/telemetry', false, 'default'],
  ['publish', 'devices/D.1/telemetry', false, 'default'],
  ['publish', '/devices/d.1/telemetry', false, 'default'],
  ['publish', 'devices//d.1/telemetry', false, 'default'],
  ['publish', 'devices/other/telemetry', false, 'default'],
  ['publish', 'devices/+/telemetry', false, 'topic'],
  ['publish', 'devices/d.1/#', false, 'topic'],
  ['publish', '', false, 'topic'],
  ['publish', 'a\0b', false, 'topic'],
  ['publish', '$share/g/devices/d.1/x', false, 'topic'],
  ['publish', '$SYS/x', false, 'default'],
  ['publish', '$CONTROL/x', false, 'default'],
  ['publish', '$queue/devices/d.1/x', false, 'default'],
  ['publish', 'sensors/d.1/t', true, 'built-in'],
  ['publish', 'sensors/d.1/', true, 'built-in'],
  ['publish', 'sensors/d.1', false, 'default'],
  ['publish', 'sensors/d.1/t/x', false, 'default'],
  ['publish', 'sensors/other/t', false, 'default'],
  ['publish', 'devices/d.1/shadow/reported', true, 'built-in'],
  ['publish', 'devices/d.1/shadow/desired', false, 'down-topic'],
  ['publish', 'devices/d.1/commands/c1', false, 'down-topic'],
  ['publish', 'devices/d.1/commands/c1/reply', true, 'built-in'],
  ['publish', 'devices/other/commands/c1', false, 'down-topic'],
  ['publish', 'devices/d.1/heartbeat', true, 'built-in'],
  ['subscribe', 'devices/d.1/#', true, 'built-in'],
  ['subscribe', 'devices/d.1/commands/+', true, 'built-in'],
  ['subscribe', 'devices/d.1/+/x/#', true, 'built-in'],
  ['subscribe', 'devices/d.1', true, 'built-in'],
  ['subscribe', '$share/g/devices/d.1/#', true, 'built-in'],
  ['subscribe', '$share/g/devices/+/#', false, 'default'],
  ['subscribe', '$share/g/#', false, 'default'],
  ['subscribe', '$share/g/$SYS/#', false, 'default'],
  ['subscribe', '$share/g', false, 'topic'],
  ['subscribe', '$share//devices/d.1/#', false, 'topic'],
  ['subscribe', '$share/g/$share/h/devices/d.1/#', false, 'topic'],
  ['subscribe', '#', false, 'default'],
  ['subscribe', '+/#', false, 'default'],
  ['subscribe', '+/d.1/#', false, 'default'],
  ['subscribe', '/#', false, 'default'],
  ['subscribe', 'devices/#', false, 'default'],
  ['subscribe', 'devices/+/telemetry', false, 'default'],
  ['subscribe', 'devices/+/#', false, 'default'],
  ['subscribe', 'devices/d.1#', false, 'topic'],
  ['subscribe', 'devices/d.1/#/x', false, 'topic'],
  ['subscribe', '$SYS/#', false, 'default'],
  ['subscribe', '$queue/devices/d.1/#', false, 'default'],
  ['subscribe', 'sensors/d.1/+', false, 'default'],
  ['subscribe', 'sensors/d.1/#', false, 'default'],
]

describe('authoriser', () => {
  it.each(builtIn)('without rules, %s %j: %s by %s', (action, topic, allowed, step) => {
    expect(start().authoriser.decide(device(), action, topic)).toMatchObject({ allowed, step })
  })

  it('lets any deny win, then any allow, in the order of the rules', () => {
    const { authoriser } = start(rule('a', 'allow', 'x/#'), rule('b', 'deny', 'x/secret/#'), rule('c', 'deny', 'x/#'))
    expect(authoriser.decide(device(), 'publish', 'x/secret/1')).toMatchObject({
      allowed: false,
      step: 'rule',
      rule: 'b',
    })
    expect(authoriser.decide(device(), 'publish', 'x/1')).toMatchObject({ allowed: false, rule: 'c' })
  })

  it('lets a rule take the built-in right away, for one tag only', () => {
    const { authoriser } = start(rule('quiet', 'deny', 'devices/{id}/telemetry/#', { scope: { tags: ['muted'] } }))
    expect(authoriser.decide(device('d', 'default', ['muted']), 'publish', 'devices/d/telemetry').rule).toBe('quiet')
    expect(authoriser.decide(device('d', 'default', ['loud']), 'publish', 'devices/d/telemetry').allowed).toBe(true)
  })

  it('wants an allow to cover all of a subscription, and a deny to touch none of it', () => {
    const { authoriser } = start(rule('all', 'allow', 'plant/#'), rule('not', 'deny', 'plant/+/secret'))
    expect(authoriser.decide(device(), 'subscribe', 'plant/a/open').allowed).toBe(true)
    expect(authoriser.decide(device(), 'subscribe', 'plant/#')).toMatchObject({ allowed: false, rule: 'not' })
    expect(authoriser.decide(device(), 'subscribe', '$share/g/plant/#')).toMatchObject({ allowed: false, rule: 'not' })
    expect(authoriser.decide(device(), 'subscribe', '#')).toMatchObject({ allowed: false })
  })

  it('does not let a rule open a topic that only the platform publishes', () => {
    const { authoriser } = start(rule('all', 'allow', '#'), rule('down', 'allow', 'devices/+/commands/+'))
    expect(authoriser.decide(device(), 'publish', 'devices/x/commands/1').step).toBe('down-topic')
    expect(authoriser.decide(device(), 'publish', '$SYS/x').allowed).toBe(false)
  })

  it('puts the id into a rule as it is, and gives an impossible id nothing', () => {
    const { authoriser } = start(rule('own', 'allow', 'x/{id}/#'), rule('all', 'allow', 'open'))
    expect(authoriser.decide(device('a.b'), 'publish', 'x/a.b/1').rule).toBe('own')
    expect(authoriser.decide(device('a.b'), 'publish', 'x/aXb/1').allowed).toBe(false)
    for (const id of ['#', '+', 'a/b', '', '$&', '{id}', 'a\0', 'é']) {
      for (const topic of ['open', 'x/a/1', `x/${id}/1`, 'devices/a/x']) {
        expect(authoriser.decide(device(id), 'publish', topic).allowed, `${id} ${topic}`).toBe(false)
      }
    }
  })

  it('gives applications the filters of their key, and bans that are not about devices', () => {
    const { authoriser } = start(
      rule('gift', 'allow', 'gift/#'),
      rule('ban', 'deny', 'a/secret'),
      rule('own', 'deny', 'a/{id}'),
      rule('scoped', 'deny', 'a/#', { scope: { types: ['default'] } }),
    )
    const app = application(['a/#', 'devices/+/commands/+', '+bad'], ['devices/+/telemetry'])
    expect(authoriser.decide(app, 'publish', 'a/1')).toMatchObject({ allowed: true, step: 'built-in' })
    expect(authoriser.decide(app, 'publish', 'a/k').allowed).toBe(true)
    expect(authoriser.decide(app, 'publish', 'a/secret').rule).toBe('ban')
    expect(authoriser.decide(app, 'publish', 'gift/1').allowed).toBe(false)
    expect(authoriser.decide(app, 'publish', 'devices/k/telemetry').allowed).toBe(false)
    expect(authoriser.decide(app, 'subscribe', 'devices/+/telemetry').allowed).toBe(true)
    expect(authoriser.decide(app, 'subscribe', 'devices/#').allowed).toBe(false)
    expect(authoriser.decide(application(['#'], ['#']), 'subscribe', '$SYS/#').allowed).toBe(false)
  })

  it('follows rules that change', () => {
    const { authoriser, rules } = start()
    const subject = device()
    expect(authoriser.decide(subject, 'publish', 'x').allowed).toBe(false)
    const before = authoriser.generation
    rules.sorted = [rule('x', 'allow', 'x')]
    rules.generation++
    expect(authoriser.decide(subject, 'publish', 'x').allowed).toBe(true)
    expect(authoriser.generation).toBeGreaterThan(before)
  })

  it('asks providers what nothing has settled: deny beats allow beats abstain', async () => {
    const { authoriser, providers } = start(rule('ban', 'deny', 'banned'))
    const asked: string[] = []
    const answers: Record<string, 'allow' | 'deny'> = { open: 'allow', 'devices/d.1/x': 'deny', banned: 'allow' }
    providers.add(
      {
        name: 'ldap',
        decide: async ({ topic }) => {
          asked.push(topic)
          return answers[topic]
        },
      },
      1,
    )
    expect(authoriser.hasProviders).toBe(true)
    const may = (topic: string, action: AccessAction = 'publish') =>
      authoriser.decideWithProviders(device(), action, topic)
    expect(await may('open')).toMatchObject({ allowed: true, step: 'provider', provider: 'ldap' })
    expect(await may('$share/g/open', 'subscribe')).toMatchObject({ allowed: true, provider: 'ldap' })
    expect(await may('devices/d.1/x')).toMatchObject({ allowed: false, step: 'provider' })
    expect(await may('devices/d.1/y')).toMatchObject({ allowed: true, step: 'built-in' })
    expect(await may('other')).toMatchObject({ allowed: false, step: 'default' })
    expect(await may('banned')).toMatchObject({ allowed: false, step: 'rule' })
    expect(await may('devices/d.1/commands/1')).toMatchObject({ step: 'down-topic' })
    expect(await may('a/+')).toMatchObject({ step: 'topic' })
    expect(asked).toEqual(['open', 'open', 'devices/d.1/x', 'devices/d.1/y', 'other'])
  })

  it('has a refusal of the catalogue for each kind of no', () => {
    const { authoriser } = start(rule('ban', 'deny', 'banned'))
    const codeOf = (action: AccessAction, topic: string) =>
      toRefusal(authoriser.decide(device(), action, topic), action)
    expect(codeOf('publish', 'a/+').code).toBe('TOPIC_INVALID')
    expect(codeOf('subscribe', 'a+').code).toBe('FILTER_INVALID')
    expect(codeOf('publish', 'devices/x/commands/1').code).toBe('TOPIC_DOWN')
    expect(codeOf('publish', 'banned')).toMatchObject({ code: 'TOPIC_FORBIDDEN', step: 'rule', rule: 'ban' })
  })

  it('decides 100,000 random questions as a simple oracle does', () => {
    const literals = ['devices', 'sensors', 'a', 'b.c', 'commands', 'x', '', '$SYS']
    const level = fc.constantFrom(...literals)
    const filterLevel = fc.constantFrom(...literals, '+', '+', '{id}')
    const filterOf = (one: fc.Arbitrary<string>) =>
      fc
        .tuple(fc.array(one, { minLength: 1, maxLength: 4 }), fc.boolean())
        .map(([levels, open]) => (open ? [...levels.slice(0, 3), '#'] : levels).join('/') || 'a')
    const anyRule = fc.record({
      effect: fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
      filter: filterOf(filterLevel),
      actions: fc.constantFrom<AccessAction[]>(['publish'], ['subscribe'], ['publish', 'subscribe']),
      scope: fc.constantFrom<AccessRule['scope'][]>(
        {},
        {},
        { devices: ['a'] },
        { types: ['t'] },
        { tags: ['m', 'n'], types: ['default'] },
      ),
    })
    const anyDevice = fc.record({
      id: fc.constantFrom('a', 'b.c'),
      type: fc.constantFrom('default', 't'),
      tags: fc.constantFrom<string[][]>([], ['m'], ['n', 'o']),
    })
    const own = fc.array(level, { maxLength: 3 }).map((levels) => ['devices', 'a', ...levels])
    const publish = fc
      .oneof(fc.array(level, { minLength: 1, maxLength: 5 }), own)
      .map((levels) => levels.join('/') || 'a')
    const plainLevel = fc.constantFrom(...literals, '+')
    let allowed = 0
    const questions = 20
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 4 }),
        anyDevice,
        fc.array(fc.tuple(publish, filterOf(plainLevel), fc.boolean()), { minLength: questions, maxLength: questions }),
        (drafts, who, asks) => {
          const rules = drafts.map((draft, index) => rule(`r${index}`, draft.effect, draft.filter, { ...draft }))
          const { authoriser } = start(...rules)
          const subject = device(who.id, who.type, who.tags)
          for (const [topic, filter, shared] of asks) {
            for (const action of ['publish', 'subscribe'] as const) {
              const asked = action === 'publish' ? topic : filter
              const told = action === 'subscribe' && shared ? `$share/g/${asked}` : asked
              const decision = authoriser.decide(subject, action, told)
              const expected = oracle(rules, who, action, asked)
              if (decision.allowed !== expected) {
                throw new Error(`${action} ${told}: ${JSON.stringify({ decision, rules, who })}`)
              }
              if (expected) allowed++
            }
          }
        },
      ),
      { seed, numRuns: 2500 },
    )
    process.stdout.write(`access property: seed ${seed}, 100,000 questions, ${allowed} allowed\n`)
    expect(allowed).toBeGreaterThan(5000)
  })
})

/** The rules of the contract, said as plainly as can be, on arrays and by recursion. */
function oracle(
  rules: AccessRule[],
  who: { id: string; type: string; tags: string[] },
  action: AccessAction,
  asked: string,
): boolean {
  const levels = asked.split('/')
  const down =
    levels.length === 4 &&
    levels[0] === 'devices' &&
    levels[1] !== '' &&
    ((levels[2] === 'commands' && levels[3] !== '') || (levels[2] === 'shadow' && levels[3] === 'desired'))
  if (action === 'publish' && down) return false
  const has = (list: string[] | undefined, values: string[]) =>
    !list?.length || values.some((value) => list.includes(value))
  const mine = rules.filter(
    ({ scope, actions }) =>
      actions.includes(action) &&
      has(scope.devices, [who.id]) &&
      has(scope.types, [who.type]) &&
      has(scope.tags, who.tags),
  )
  const filterOf = ({ filter }: AccessRule) => filter.replaceAll('{id}', () => who.id).split('/')
  if (mine.some((each) => each.effect === 'deny' && meets(filterOf(each), levels))) return false
  if (mine.some((each) => each.effect === 'allow' && includes(filterOf(each), levels))) return true
  if (includes(['devices', who.id, '#'], levels)) return true
  return action === 'publish' && includes(['sensors', who.id, '+'], levels)
}

const dollar = (wild: string[], other: string[]) => /^[+#]$/.test(wild[0] ?? '') && (other[0] ?? '').startsWith('$')

function meets(a: string[], b: string[]): boolean {
  if (dollar(a, b) || dollar(b, a)) return false
  const walk = (left: string[], right: string[]): boolean => {
    if (left[0] === '#' || right[0] === '#') return true
    if (left.length === 0 || right.length === 0) return left.length === right.length
    return (left[0] === right[0] || left[0] === '+' || right[0] === '+') && walk(left.slice(1), right.slice(1))
  }
  return walk(a, b)
}

function includes(wide: string[], narrow: string[]): boolean {
  if (dollar(wide, narrow)) return false
  if (wide.join('/') === '+/#' && narrow.join('/') === '#') return true
  const walk = (left: string[], right: string[]): boolean => {
    if (left[0] === '#') return true
    if (right[0] === '#') return false
    if (left.length === 0 || right.length === 0) return left.length === right.length
    return (left[0] === '+' || left[0] === right[0]) && walk(left.slice(1), right.slice(1))
  }
  return walk(wide, narrow)
}

describe('provisioning', () => {
  const key: Subject = { kind: 'provisioning', id: 'p1' }
  const everything = application(['#'], ['#'])
  const allowAll = rule('all', 'allow', '#')

  it('lets a provisioning key ask and hear the answer, and nothing else, whatever the rules allow', async () => {
    const { authoriser, providers } = start(allowAll)
    providers.add({ name: 'yes', decide: async () => 'allow' }, 1)
    const topics = ['provision/request', 'provision/response', 'provision/x', 'provision', 'devices/p1/telemetry', 'a']
    const filters = [...topics, '#', '+/+', 'provision/#', 'provision/+', '$share/g/provision/response']
    const allowed: string[] = []
    for (const topic of topics) {
      if ((await authoriser.decideWithProviders(key, 'publish', topic)).allowed) allowed.push(`publish ${topic}`)
    }
    for (const filter of filters) {
      if ((await authoriser.decideWithProviders(key, 'subscribe', filter)).allowed) allowed.push(`subscribe ${filter}`)
    }
    expect(allowed).toEqual(['publish provision/request', 'subscribe provision/response'])
  })

  it('keeps everybody else from these topics, and from copies of them', async () => {
    const { authoriser, providers } = start(allowAll)
    providers.add({ name: 'yes', decide: async () => 'allow' }, 1)
    for (const subject of [everything, device()]) {
      for (const topic of ['provision', 'provision/request', 'provision/response', 'provision/x/y']) {
        for (const action of ['publish', 'subscribe'] as const) {
          expect(await authoriser.decideWithProviders(subject, action, topic)).toMatchObject({
            allowed: false,
            step: 'provisioning',
          })
        }
      }
      expect(authoriser.decide(subject, 'subscribe', '#').allowed).toBe(true)
      expect(authoriser.decide(subject, 'publish', 'provisions/x').allowed).toBe(true)
    }
  })
})

it('lets a login use what it was granted, but nothing a ban or a down topic takes away', () => {
  const { authoriser } = start(rule('ban', 'deny', 'plant/secret/#'))
  const grants = { provider: 'jwt', publish: ['plant/#', '#'], subscribe: ['plant/+/state'] }
  const granted: Subject = { kind: 'device', id: 'd.1', type: 'default', tags: [], grants }
  const allowed = authoriser.decide(granted, 'publish', 'plant/1')
  expect(allowed).toMatchObject({ allowed: true, step: 'provider', provider: 'jwt' })
  expect(authoriser.decide(granted, 'subscribe', 'plant/1/state').allowed).toBe(true)
  expect(authoriser.decide(granted, 'subscribe', 'plant/#').allowed).toBe(false)
  expect(authoriser.decide(granted, 'publish', 'plant/secret/1')).toMatchObject({ allowed: false, rule: 'ban' })
  expect(authoriser.decide(granted, 'publish', 'devices/d.1/commands/1').step).toBe('down-topic')
  expect(authoriser.decide(granted, 'publish', '$SYS/x').allowed).toBe(false)
  expect(authoriser.decide(device(), 'publish', 'plant/1').allowed).toBe(false)
})
