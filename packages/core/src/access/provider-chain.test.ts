import { expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { breakerFailures, breakerOpenMs } from './breaker.ts'
import { providerBudgetMs, type Provider } from './port.ts'
import { createProviders, keptDecisionMs, maxProviderCalls } from './provider-chain.ts'

const who = { username: 'd', password: 'p', protocol: 'mqtt', address: '::1' }
const question = { device: 'd', action: 'publish', topic: 't' } as const

it('asks in the order of the admin and stops at the first deny', async () => {
  const providers = createProviders({ clock: createFakeClock() })
  const asked: string[] = []
  const provider = (name: string, answer: 'allow' | 'deny' | undefined): Provider => ({
    name,
    connect: async () => {
      asked.push(name)
      return answer
    },
  })
  providers.add(provider('third', 'deny'), 3)
  providers.add(provider('first', undefined), 1)
  const remove = providers.add(provider('second', 'allow'), 2)
  expect(await providers.connect(who)).toEqual({ answer: 'deny', provider: 'third' })
  expect(asked).toEqual(['first', 'second', 'third'])
  expect(providers.hasDeciders).toBe(false)
  const before = providers.generation
  remove()
  remove()
  expect(providers.generation).toBe(before + 1)
})

it('denies when a provider throws, answers nonsense or is too slow', async () => {
  const clock = createFakeClock()
  const providers = createProviders({ clock })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what untyped plugins may answer
  const add = (connect: unknown) => providers.add({ name: 'p', connect } as Provider, 1)
  for (const connect of [
    () => Promise.reject(new Error('down')),
    () => {
      throw new Error('at once')
    },
    async () => 'yes',
    async () => true,
  ]) {
    const remove = add(connect)
    expect(await providers.connect(who)).toEqual({ answer: 'deny', provider: 'p', failed: true })
    remove()
  }
  add(() => new Promise(() => {}))
  const slow = providers.connect(who)
  await Promise.resolve()
  clock.pass(providerBudgetMs)
  expect(await slow).toMatchObject({ answer: 'deny', failed: true })
  expect(clock.waiting).toBe(0)
})

it('leaves a provider alone after five failures in a row, and tries one question later', async () => {
  const clock = createFakeClock()
  const providers = createProviders({ clock })
  let calls = 0
  let works = false
  const connect = async () => {
    calls++
    if (!works) throw new Error('down')
    return 'allow' as const
  }
  providers.add({ name: 'p', connect }, 1)
  for (let i = 0; i < 20; i++) expect((await providers.connect(who))?.answer).toBe('deny')
  expect(calls).toBe(breakerFailures)
  expect(providers.state()).toEqual([{ name: 'p', failures: breakerFailures, suspended: true }])
  clock.pass(breakerOpenMs)
  await providers.connect(who)
  await providers.connect(who)
  expect(calls).toBe(breakerFailures + 1)
  clock.pass(breakerOpenMs)
  works = true
  expect((await providers.connect(who))?.answer).toBe('allow')
  expect((await providers.connect(who))?.answer).toBe('allow')
  expect(providers.state()[0]?.suspended).toBe(false)
})

it('keeps decisions for a minute, asks once for many, and forgets them when providers change', async () => {
  const clock = createFakeClock()
  const providers = createProviders({ clock })
  let calls = 0
  const decide = async () => {
    calls++
    return 'allow' as const
  }
  providers.add({ name: 'p', decide }, 1)
  await Promise.all(Array.from({ length: 100 }, () => providers.decide(question)))
  expect(calls).toBe(1)
  clock.pass(keptDecisionMs - 1)
  await providers.decide(question)
  expect(calls).toBe(1)
  clock.pass(1)
  await providers.decide(question)
  expect(calls).toBe(2)
  providers.add({ name: 'q', decide: async () => 'deny' }, 2)
  expect(await providers.decide(question)).toEqual({ answer: 'deny', provider: 'q' })
})

it('does not keep the deny of a failure', async () => {
  const providers = createProviders({ clock: createFakeClock() })
  let fails = true
  const decide = async () => {
    if (fails) throw new Error('down')
    return 'allow' as const
  }
  providers.add({ name: 'p', decide }, 1)
  expect((await providers.decide(question))?.answer).toBe('deny')
  fails = false
  expect((await providers.decide(question))?.answer).toBe('allow')
})

it('has a limit on open questions', async () => {
  const clock = createFakeClock()
  const providers = createProviders({ clock })
  providers.add({ name: 'p', connect: () => new Promise(() => {}) }, 1)
  const open = Array.from({ length: maxProviderCalls }, () => providers.connect(who))
  expect(await providers.connect(who)).toMatchObject({ answer: 'deny', failed: true })
  clock.pass(providerBudgetMs)
  await Promise.all(open)
})

it('joins what several providers allow a login: the earlier end, and the filters of all', async () => {
  const providers = createProviders({ clock: createFakeClock() })
  const add = (name: string, order: number, answer: Awaited<ReturnType<NonNullable<Provider['connect']>>>) =>
    providers.add({ name, connect: async () => answer }, order)
  add('a', 1, 'allow')
  add('b', 2, { answer: 'allow', endsAtMicros: 900, publish: ['x/#'] })
  add('c', 3, { answer: 'allow', endsAtMicros: 500, publish: ['y'], subscribe: ['z/+'] })
  add('d', 4, undefined)
  expect(await providers.connect(who)).toEqual({
    answer: 'allow',
    provider: 'a',
    endsAtMicros: 500,
    grants: { provider: 'b', publish: ['x/#', 'y'], subscribe: ['z/+'] },
  })
  add('e', 5, 'deny')
  expect(await providers.connect(who)).toEqual({ answer: 'deny', provider: 'e' })
})

it('denies when a provider grants what is no filter, or too much', async () => {
  const providers = createProviders({ clock: createFakeClock() })
  for (const publish of [['a/#/b'], [''], ['$share/g/a'], Array.from({ length: 101 }, () => 'a'), 'a', [1]]) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what untyped plugins may answer
    const connect = (async () => ({ answer: 'allow', publish })) as unknown as NonNullable<Provider['connect']>
    const remove = providers.add({ name: 'p', connect }, 1)
    expect(await providers.connect(who)).toEqual({ answer: 'deny', provider: 'p', failed: true })
    remove()
  }
})

it('asks in order whose a secret is, and nobody is held up by one that throws', () => {
  const providers = createProviders({ clock: createFakeClock() })
  const throwing = () => {
    throw new Error('unreadable')
  }
  providers.add({ name: 'a', deviceOf: throwing }, 1)
  providers.add({ name: 'b' }, 2)
  providers.add({ name: 'c', deviceOf: (secret) => (secret === 's' ? 'd' : undefined) }, 3)
  expect([providers.deviceOf('s'), providers.deviceOf('t')]).toEqual(['d', undefined])
})
