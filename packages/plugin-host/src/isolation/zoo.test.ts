import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstanceStatus } from '@patchbay/contracts/plugin'
import type { KeyValue } from '@patchbay/sdk'
import { afterEach, describe, expect, test, vi } from 'vitest'
import hostile from '../../test/fixtures/hostile.ts'
import { writeStranger } from '../../test/apart.ts'
import { createFakeClock, createWorld, type World, type WorldOptions } from '../../test/world.ts'

const fixture = new URL('../../test/fixtures/hostile.ts', import.meta.url)
const pingMs = 1_000
const patience = { timeout: 40_000, interval: 20 }

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

const open = async (level: 'worker' | 'process', more: WorldOptions = {}, hasty = false): Promise<World> => {
  world = await createWorld({
    pingMs,
    write: async (root) => [
      await writeStranger(root, fixture, hostile, 'zoo', {
        isolation: { least: level, memoryMb: 48 },
        contributes: { http: [{ prefix: '/x/zoo', auth: 'own' }] },
        needs: { services: ['sessions'], files: ['data'] },
        limits: { startMs: 15_000, stopMs: 4_000 },
        instances: 'many',
      }),
      // The same with little time to start.
      ...(hasty
        ? [
            await writeStranger(root, fixture, hostile, 'hasty', {
              isolation: { least: level, memoryMb: 48 },
              limits: { startMs: 3_000, stopMs: 2_000 },
              instances: 'many',
            }),
          ]
        : []),
    ],
    ...more,
  })
  await world.host.start()
  expect(world.host.plugin('zoo').problem).toBeUndefined()
  return world
}
const valuesOf = (stored: Map<string, unknown>): KeyValue => ({
  get: async (key) => stored.get(key),
  set: async (key, value) => void stored.set(key, value),
  delete: async (key) => void stored.delete(key),
})
const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
const statusOf = (of: World, name: string, plugin = 'zoo'): InstanceStatus => of.host.instance(plugin, name).status
const put = (of: World, does: string, more: Record<string, unknown> = {}, plugin = 'zoo'): Promise<unknown> =>
  of.host.put(plugin, does, { config: { does, ...more } })

describe.for(['worker', 'process'] as const)('at %s level', (level) => {
  test.for([
    ['late-throw', /^thrown late$/],
    ['late-rejection', /^rejected late$/],
    ['exit', /^(It ended its worker|Its process ended) by itself, with exit code 7\.$/],
    ['loop', /^It did not answer for \d+ s: its code does not come to an end\.$/],
    ['out-of-memory', /^It needed more than its 48 MB of memory\.$/],
    ['out-of-memory-in-buffers', /^It holds more than its 48 MB of memory in buffers\.$/],
    ['readings', /^10000 calls, or 33554432 bytes, wait for an answer already\.$/],
  ] as const)('%s ends as a crash that says so, and is tried again', { timeout: 60_000 }, async ([does, text]) => {
    const of = await open(level)
    await put(of, does)
    // On a busy machine a start may fail before, and is tried again.
    const crash = { state: 'retrying', code: 'PLUGIN_CRASHED', text: expect.stringMatching(text) }
    await vi.waitFor(() => expect(statusOf(of, does)).toMatchObject(crash), patience)
    expect(of.logText()).not.toContain('loaded into the host')
  })

  test('what goes wrong in start or in stop ends in its state', { timeout: 90_000 }, async () => {
    const stored = new Map<string, unknown>()
    const of = await open(level, { values: () => valuesOf(stored) }, true)
    // As it settles: what is tried again is starting soon after.
    const outcome = async (does: string, plugin = 'zoo'): Promise<string> => {
      const refused = await put(of, does, {}, plugin).then(
        () => false,
        () => true,
      )
      const { state, code, text } = statusOf(of, does, plugin)
      return refused ? `${does} refused` : [does, state, code, text].filter(Boolean).join(' ')
    }
    // They have nothing to do with each other, and mostly wait. Those that shall run have the machine for themselves first.
    const stops = ['hang-in-stop', 'loop-in-stop', 'leave-listener', 'throw-in-stop']
    expect(await Promise.all(stops.map((does) => outcome(does)))).toEqual(stops.map((does) => `${does} running`))
    const port = Number(stored.get('port'))
    expect(await isOpen(port)).toBe(true)
    const started = Promise.all([
      outcome('hang-in-start', 'hasty'),
      outcome('loop-in-start', 'hasty'),
      outcome('loop-in-start'),
      outcome('match'),
      outcome('lie'),
    ])
    await Promise.all(stops.map((does) => of.host.disable('zoo', does)))
    expect(await started).toEqual([
      'hang-in-start retrying PLUGIN_START_TIMEOUT setup did not end within 3000 ms.',
      // The time for a start is over before the pings are, which begin once its code is loaded.
      'loop-in-start retrying PLUGIN_START_TIMEOUT setup did not end within 3000 ms.',
      'loop-in-start retrying PLUGIN_HUNG It did not answer for 2 s: its code does not come to an end.',
      expect.stringMatching(/^match retrying PLUGIN_LEVEL ctx\.match can be used at host level only/),
      'lie retrying PLUGIN_UNDECLARED The codec undeclared is not in plugin.json of zoo.',
    ])
    expect(statusOf(of, 'throw-in-stop')).toMatchObject({
      state: 'stopped',
      code: 'PLUGIN_STOP_FAILED',
      text: expect.stringContaining('throwing: did not want to'),
    })
    for (const does of ['hang-in-stop', 'loop-in-stop', 'leave-listener']) {
      expect(statusOf(of, does)).toMatchObject({ state: 'stopped' })
      expect(statusOf(of, does).code).toBeUndefined()
    }
    // What it listened on without telling anybody went with it.
    expect(await isOpen(port)).toBe(false)
  })

  test('a test of a configuration cannot hold up or end anything', { timeout: 40_000 }, async () => {
    const of = await open(level)
    const verify = (does: string) => of.host.test('zoo', undefined, { does })
    expect(await verify('nothing')).toEqual({ ok: true, reply: 'hello' })
    expect(await verify('throw-in-verify')).toMatchObject({ ok: false, text: 'the remote says no' })
    expect(await verify('exit-in-verify')).toMatchObject({ ok: false, text: expect.stringContaining('exit code 3') })
    expect(await verify('loop-in-verify')).toMatchObject({ ok: false, text: expect.stringContaining('did not answer') })
  })

  test('finds no environment, and its secret in its configuration only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-foreign-'))
    const path = join(folder, 'private')
    await writeFile(path, 'not yours')
    try {
      const stored = new Map<string, unknown>()
      const of = await open(level, {
        values: () => valuesOf(stored),
      })
      await put(of, 'look-around', { path, secret: 'of-its-own' })
      expect(statusOf(of, 'look-around')).toMatchObject({ state: 'running' })
      const denied = level === 'process' ? 'ERR_ACCESS_DENIED' : 'done'
      expect(stored.get('found')).toEqual({
        env: [],
        secret: 'of-its-own',
        reads: denied,
        writes: denied,
        ownFolder: 'done',
        child: denied,
        worker: denied,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('a plugin flat out is slowed down, and runs on', { timeout: 30_000 }, async () => {
    let taken = 0
    const of = await open(level, { publishFor: async () => void (taken += 1) })
    await put(of, 'flat-out')
    const from = { ms: performance.now(), taken }
    await vi.waitUntil(() => performance.now() - from.ms > 1_200, { timeout: 10_000 })
    const perSecond = ((taken - from.taken) * 1000) / (performance.now() - from.ms)
    console.log(`flat out at ${level} level: ${perSecond.toFixed(0)} messages a second`)
    expect(statusOf(of, 'flat-out').state).toBe('running')
    expect(perSecond).toBeGreaterThan(1_000)
    // A second's worth may be taken at once.
    expect(perSecond).toBeLessThan(1.1 * (100_000 + 100_000 / 1.2))
    await of.host.disable('zoo', 'flat-out')
    expect(statusOf(of, 'flat-out').state).toBe('stopped')
    expect(of.logText()).not.toContain('was ended')
  })

  test('a flood of lines is cut', async () => {
    const of = await open(level)
    await put(of, 'log-flood')
    expect(statusOf(of, 'log-flood').state).toBe('running')
    expect(of.lines.filter(({ message }) => message.startsWith('line ')).length).toBeLessThanOrEqual(300)
  })

  test('the third crash within five minutes is a loop, which a person ends', { timeout: 90_000 }, async () => {
    const clock = createFakeClock()
    const of = await open(level, { clock })
    await put(of, 'exit')
    const retries = (): number => of.events.filter(({ status }) => status.state === 'retrying').length
    for (let crash = 1; crash <= 2; crash += 1) {
      await vi.waitFor(() => expect(retries()).toBe(crash), patience)
      await clock.advance(5_000 * crash)
    }
    await vi.waitFor(() => expect(statusOf(of, 'exit').state).toBe('crash-loop'), patience)
    expect(statusOf(of, 'exit')).toMatchObject({
      code: 'PLUGIN_CRASH_LOOP',
      text: expect.stringContaining('three times within five minutes'),
    })
    await of.host.put('zoo', 'exit', { config: { does: 'nothing' } })
    expect(statusOf(of, 'exit').state).toBe('running')
  })

  test('a stored configuration is carried over on the other side', async () => {
    const of = await open(level, {
      initial: [
        {
          plugin: 'zoo',
          name: 'old',
          enabled: true,
          config: { does: 'exit', path: '' },
          configVersion: 1,
          starting: 0,
          version: 1,
        },
      ],
      write: async (root) => [
        await writeStranger(root, fixture, hostile, 'zoo', {
          configVersion: 2,
          isolation: { least: level },
          limits: { startMs: 10_000 },
        }),
      ],
    })
    expect(of.host.instance('zoo', 'old')).toMatchObject({ state: 'running', config: { does: 'nothing' } })
  })
})

test.for([
  ['segmentation-fault', 'by the signal SIGSEGV'],
  ['abort', 'by the signal SIGABRT'],
] as const)('a crash of native code (%s) ends its process only', async ([does, text]) => {
  const of = await open('process')
  await put(of, does)
  await vi.waitFor(() => expect(statusOf(of, does).state).toBe('retrying'), patience)
  expect(statusOf(of, does)).toMatchObject({ code: 'PLUGIN_CRASHED', text: expect.stringContaining(text) })
})

test('messages that go round the SDK end the worker that sends them', async () => {
  const of = await open('worker')
  const hostile = {
    'raw-flood': /^More than \d+ (batches of messages|characters, or \d+ bytes,) of the plugin wait for the host\.$/,
    'raw-empty': /^More than 16 batches of messages of the plugin wait for the host\.$/,
    'raw-large': /^One batch of messages of the plugin has more than \d+ characters\.$/,
    'flood-and-loop': /^It did not answer for \d+ s: its code does not come to an end\.$/,
  }
  await Promise.all(
    Object.entries(hostile).map(async ([does, text]) => {
      await put(of, does)
      await vi.waitFor(
        () =>
          expect(statusOf(of, does)).toMatchObject({
            state: 'retrying',
            code: 'PLUGIN_CRASHED',
            text: expect.stringMatching(text),
          }),
        patience,
      )
    }),
  )
})
