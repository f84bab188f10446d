import { apiVersion, definePlugin, type Deprecation, deprecations } from '@patchbay/sdk'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { writeStranger } from '../test/apart.ts'
import pump from '../test/fixtures/pump.ts'
import { createWorld, manifestOf, type World } from '../test/world.ts'
import { faultsOf } from './deprecated.ts'

const of = (name: string, more: Partial<Deprecation> = {}): Deprecation => ({
  name,
  since: '1.0.0',
  gone: '2.0.0',
  instead: 'Use something else.',
  ...more,
})

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})
const told = (): string[] =>
  (world?.lines ?? [])
    .filter(({ level }) => level === 'warn')
    .map(({ message, fields }) => `${fields['plugin']}: ${message}`)

describe('a table of deprecations', () => {
  test('is without a fault', () => {
    expect(faultsOf(deprecations, apiVersion)).toEqual([])
    expect(faultsOf([of('ctx.sessions.relay'), of('api ~1.0'), of('ctx.every', { since: '1.2.0' })], '1.2.0')).toEqual(
      [],
    )
  })

  test.for<[string, Deprecation]>([
    ['ctx is neither a member of ctx nor a range', of('ctx')],
    ['api one is neither a member of ctx nor a range', of('api one')],
    ['1.3.0 is no minor that is out', of('ctx.every', { since: '1.3.0' })],
    ['1.1.4 is no minor that is out', of('ctx.every', { since: '1.1.4' })],
    ['1.3.0 is no major to come', of('ctx.every', { gone: '1.3.0' })],
    ['1.0.0 is no major to come', of('ctx.every', { gone: '1.0.0' })],
    ['no sentence', of('ctx.every', { instead: 'ctx.after' })],
  ])('may not say: %s', ([fault, line]) => {
    expect(faultsOf([line], '1.2.0')).toEqual([expect.stringContaining(fault)])
  })
})

test('a plugin that uses something deprecated is told once, in its log and where it is shown', async () => {
  const plugin = definePlugin({
    config: {},
    async setup(ctx) {
      const { store, sessions } = ctx
      await store.set('n', 1)
      expect(await store.get('n')).toBe(1)
      expect(() => sessions.refuse).not.toThrow()
      ctx.own('nothing', () => undefined)
    },
  })
  const manifest = manifestOf('old', { instances: 'many', needs: { services: ['sessions'] } })
  const table = [
    of('ctx.store.set'),
    of('ctx.own', { instead: 'Use `ctx.hold`.' }),
    of('ctx.every'),
    of('ctx.sessions.relay'),
  ]
  world = await createWorld({ packages: [[plugin, manifest]], deprecations: table })
  await world.host.start()
  expect(world.host.plugin('old').deprecated).toBeUndefined()
  for (const name of ['a', 'b']) await world.host.put('old', name, { config: {} })
  await world.host.restart('old', 'a')
  expect(world.host.instance('old', 'a').state).toBe('running')
  // What it did not touch is not told of, nor is what only stands beside something deprecated.
  expect(told()).toEqual([
    'old: ctx.store.set is deprecated since plugin API 1.0.0 and gone in 2.0.0. Use something else.',
    'old: ctx.own is deprecated since plugin API 1.0.0 and gone in 2.0.0. Use `ctx.hold`.',
  ])
  expect(world.host.plugin('old').deprecated).toEqual(table.slice(0, 2))
})

test('a plugin that takes a deprecated version of the plugin API is told when it is loaded', async () => {
  const plugin = definePlugin({ config: {}, setup() {} })
  world = await createWorld({
    apiVersion: '1.3.0',
    deprecations: [of('api ~1.1.0', { since: '1.3.0', instead: 'Say ^1.2.0.' })],
    packages: [
      [plugin, manifestOf('wide', { api: '^1.0.0' })],
      [plugin, manifestOf('fresh', { api: '^1.2.0' })],
    ],
  })
  await world.host.start()
  expect(told()).toEqual(['wide: api ~1.1.0 is deprecated since plugin API 1.3.0 and gone in 2.0.0. Say ^1.2.0.'])
  expect(world.host.plugin('fresh').deprecated).toBeUndefined()
})

test('it is told from a worker, too, and only of what the plugin itself uses', async () => {
  world = await createWorld({
    deprecations: [of('ctx.sessions.publishFor'), of('ctx.log'), of('ctx.store')],
    write: async (root) => [
      await writeStranger(root, new URL('../test/fixtures/pump.ts', import.meta.url), pump, 'pump', {
        isolation: { least: 'worker' },
        contributes: { sources: [{ name: 'pump', title: 'Pump' }] },
        needs: { services: ['sessions'] },
        limits: { startMs: 15_000, stopMs: 2_000 },
      }),
    ],
  })
  await world.host.start()
  await world.host.put('pump', 'default', { config: { inFlight: 1 } })
  await vi.waitFor(() => expect(told().filter((line) => line.includes('deprecated'))).toHaveLength(1), 10_000)
  expect(world.host.plugin('pump').deprecated).toEqual([of('ctx.sessions.publishFor')])
})
