import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import type { Delivery, Session, Sessions } from '@patchbay/contracts/session'
import { type Connection, type Context, definePlugin, type MatchAnswer } from '@patchbay/sdk'
import { afterEach, expect, test, vi } from 'vitest'
import { createWorld, manifestOf, ownServices, type World, type WorldOptions } from '../test/world.ts'
import { createChildApp } from './http/child-app.ts'
import { currentOwner, runUnowned } from './owner.ts'
import type { StoredInstance } from './instance-store.ts'
import type { ServiceOwner } from './services.ts'

let world: World
afterEach(() => world.close())

const start = async (
  setup: (ctx: Context<object>) => void | Promise<void>,
  options: WorldOptions = {},
): Promise<World> => {
  const manifest = manifestOf('p', { needs: { services: ['sessions'], files: ['data'] } })
  world = await createWorld({
    packages: [[definePlugin({ config: {}, setup }), manifest]],
    defaults: [{ plugin: 'p', name: 'default', config: {} }],
    ...options,
  })
  await world.host.start()
  return world
}
const status = () => world.host.instance('p', 'default').status
const connection = (): Connection => ({ socket: new PassThrough(), address: 'x', encrypted: false, listener: 'main' })

test('callbacks of sessions, matchers and listeners run as the instance, whoever calls them', async () => {
  const seen: string[] = []
  const note = (what: string) => void seen.push(`${what} ${currentOwner()?.plugin}/${currentOwner()?.name}`)
  let deliver: (message: Delivery) => void | Promise<void> = () => undefined
  let end: (why: 'closed') => void = () => undefined
  let first: (bytes: Uint8Array) => MatchAnswer = () => 'no'
  let onConnection: (of: Connection) => void = () => undefined
  const session = {
    id: 's',
    subscribe: async (filter: string, given: typeof deliver) => {
      deliver = given
      return { filter, close: () => undefined }
    },
    onEnd: (given: typeof end) => void (end = given),
  }
  const isSession = (value: unknown): value is Session => value === session
  const sessions: Sessions = {
    open: async () => {
      if (!isSession(session)) throw new TypeError()
      return session
    },
    refuse: () => undefined,
    publishFor: async () => undefined,
    relay: () => undefined,
  }
  let owner: ServiceOwner | undefined
  await start(
    async (ctx) => {
      ctx.match(
        'm',
        () => {
          note('first')
          return 'mine'
        },
        () => note('connection'),
      )
      const opened = await ctx.sessions.open({
        protocol: 'x',
        address: 'x',
        encrypted: true,
        credentials: { kind: 'none' },
      })
      await opened.subscribe('#', () => note('deliver'))
      opened.onEnd(() => note('end'))
    },
    {
      services: (given) => {
        owner = given
        return {
          sessions,
          messages: { publish: async () => undefined },
          listen: () => async () => undefined,
          preSharedKeys: async () => [],
          bridgeLink: () => ({ publish: async () => 'taken' }),
          shared: undefined,
          ...ownServices,
          matchUdp: () => undefined,
          listenUdp: () => undefined,
          match(_name, givenFirst, givenHandler) {
            first = givenFirst
            onConnection = givenHandler
          },
        }
      },
    },
  )
  runUnowned(() => {
    first(Buffer.from('x'))
    onConnection(connection())
    void deliver({ topic: 't', bytes: Buffer.from(''), qos: 0, retain: false })
    end('closed')
  })
  expect(seen).toEqual(['first', 'connection', 'deliver', 'end'].map((what) => `${what} p/default`))
  expect(owner?.instance).toEqual({ plugin: 'p', name: 'default' })
  expect(currentOwner()).toBeUndefined()
})

test('a connection whose handler throws is ended and counted as a crash; forgotten ones end with the instance', async () => {
  let onConnection: (of: Connection) => void = () => undefined
  await start(
    (ctx) => {
      ctx.listen({ name: 'l', port: 2 }, ({ address }) => {
        if (address === 'bad') throw new Error('boom')
      })
    },
    {
      services: (owner) => ({
        sessions: {
          open: () => Promise.reject(new TypeError()),
          refuse: () => undefined,
          publishFor: async () => undefined,
          relay: () => undefined,
        },
        messages: { publish: async () => undefined },
        match: () => undefined,
        preSharedKeys: async () => [],
        bridgeLink: () => ({ publish: async () => 'taken' }),
        shared: undefined,
        ...ownServices,
        matchUdp: () => undefined,
        listenUdp: () => undefined,
        listen: (_options, given) => {
          onConnection = given
          owner.own('l', () => undefined)
          return async () => undefined
        },
      }),
    },
  )
  const forgotten = connection()
  onConnection(forgotten)
  const bad = { ...connection(), address: 'bad' }
  onConnection(bad)
  expect(bad.socket.destroyed).toBe(true)
  await once(forgotten.socket, 'close')
  expect(status()).toMatchObject({ code: 'PLUGIN_CRASHED', text: 'boom' })
})

test('gives a folder on first use, and a store with limits', async () => {
  const errors: unknown[] = []
  let folder = ''
  await start(async (ctx) => {
    folder = await ctx.dataFolder()
    expect(await ctx.dataFolder()).toBe(folder)
    await ctx.store.set('a', { b: 1 })
    expect(await ctx.store.get('a')).toEqual({ b: 1 })
    for (const set of [
      () => ctx.store.set('', 1),
      () => ctx.store.set('k'.repeat(257), 1),
      () => ctx.store.set('k', 'x'.repeat(65_536)),
      () => ctx.store.set('k', undefined),
    ])
      await set().catch((error: unknown) => errors.push(error))
  })
  expect(status().state).toBe('running')
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect(errors).toHaveLength(4)
})

test('a configuration cannot be changed by the plugin, and contributions end with setup', async () => {
  let late: () => void = () => undefined
  const plugin = (ctx: Context<object>): void => {
    expect(Object.isFrozen(ctx.config)).toBe(true)
    late = () => ctx.http(async () => undefined)
  }
  await start(plugin)
  expect(late).toThrow('only be contributed while setup runs')
  await world.host.disable('p', 'default')
  expect(late).toThrow('contributed while the instance stops')
})

test('owning without end is refused, and so is a turn without rest', async () => {
  await start((ctx) => {
    expect(() => ctx.every(0, () => undefined)).toThrow('never rest')
    for (let count = 0; count < 10_001; count += 1) ctx.own('x', () => undefined)
  })
  expect(status()).toMatchObject({ code: 'PLUGIN_LIMIT' })
})

test('the child asks for the session by the route itself, even if the dispatcher had not', async () => {
  await start(() => undefined)
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const app = await createChildApp({
    log,
    owner: { plugin: 'p', name: 'default', crashed: () => undefined },
    mounts: [
      { prefix: '/a', auth: 'own' },
      { prefix: '/a/admin', auth: 'session' },
    ],
    routes: [async (of) => void of.get('/a/admin', async () => 'in').get('/a/open', async () => 'in')],
    admitted: () => false,
  })
  expect((await app.inject('/a/open')).statusCode).toBe(200)
  expect((await app.inject('/a/admin')).statusCode).toBe(401)
  await app.close()
})

test('a crash between the end of setup and the note of it is a crash all the same', async () => {
  const stored = new Map<string, StoredInstance>()
  let crash: ((error: unknown) => void) | undefined
  await start(() => void (crash = currentOwner()?.crashed), {
    instances: {
      list: async () => [...stored.values()],
      get: async (plugin, name) => stored.get(`${plugin}/${name}`),
      async save(of) {
        stored.set(`${of.plugin}/${of.name}`, of)
        if (of.starting === 0) crash?.(new Error('too soon'))
      },
      delete: async (plugin, name) => void stored.delete(`${plugin}/${name}`),
    },
  })
  await vi.waitFor(() =>
    expect(status()).toMatchObject({ state: 'retrying', code: 'PLUGIN_CRASHED', text: 'too soon' }),
  )
})
