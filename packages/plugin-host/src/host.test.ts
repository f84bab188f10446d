import { inspect } from 'node:util'
import { BadConfig, type Context, definePlugin, field, NotReady } from '@patchbay/sdk'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createFakeClock, createWorld, manifestOf, type World, type WorldOptions } from '../test/world.ts'

const worlds: World[] = []
const worldOf = async (options: WorldOptions): Promise<World> => {
  const world = await createWorld(options)
  worlds.push(world)
  return world
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close()
})

const quiet = definePlugin({ config: {}, setup: () => undefined })
const stateOf = (world: World, id: string, name = 'default') => world.host.instance(id, name).status
const statesOf = (world: World, id: string): string[] =>
  world.events.filter(({ plugin }) => plugin === id).map(({ status }) => status.state)

describe('starting', () => {
  test('makes default instances once; a removed one does not come back', async () => {
    const world = await worldOf({
      packages: [[quiet, manifestOf('quiet')]],
      defaults: [{ plugin: 'quiet', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(stateOf(world, 'quiet').state).toBe('running')
    expect(world.host.plugin('quiet')).toMatchObject({
      version: '2.3.4',
      bundled: true,
      instances: [{ name: 'default', enabled: true, state: 'running' }],
    })
    await world.host.remove('quiet', 'default')
    await world.host.stop()
    await world.host.start()
    expect(world.host.instances('quiet')).toEqual([])
  })

  test('comes up although every plugin fails, and says what happened to each', async () => {
    const world = await worldOf({
      packages: [
        [
          definePlugin({
            config: {},
            setup: () => {
              throw new Error('boom')
            },
          }),
          manifestOf('throws'),
        ],
        [definePlugin({ config: {}, setup: () => new Promise(() => undefined) }), manifestOf('hangs')],
        [
          definePlugin({
            config: {},
            setup: () => {
              throw new BadConfig('/host', 'no such host')
            },
          }),
          manifestOf('bad'),
        ],
        [
          definePlugin({
            config: {},
            setup: () => {
              throw new NotReady('line down')
            },
          }),
          manifestOf('waits'),
        ],
        [quiet, manifestOf('too-new', { api: '^9.0.0' })],
      ],
      defaults: ['throws', 'hangs', 'bad', 'waits', 'too-new'].map((plugin) => ({
        plugin,
        name: 'default',
        config: {},
      })),
    })
    await world.host.start()
    expect(stateOf(world, 'throws')).toMatchObject({ state: 'retrying', code: 'PLUGIN_START_FAILED', text: 'boom' })
    expect(stateOf(world, 'hangs')).toMatchObject({ state: 'retrying', code: 'PLUGIN_START_TIMEOUT' })
    expect(stateOf(world, 'bad')).toMatchObject({
      state: 'needs-config',
      code: 'PLUGIN_BAD_CONFIG',
      text: '/host: no such host',
    })
    expect(stateOf(world, 'waits')).toMatchObject({ state: 'retrying', code: 'PLUGIN_NOT_READY', text: 'line down' })
    expect(stateOf(world, 'waits').nextTryAt).toBeDefined()
    expect(world.host.plugin('too-new').problem).toMatchObject({ code: 'PLUGIN_API_MISMATCH' })
    await expect(world.host.put('too-new', 'default', { config: {} })).rejects.toMatchObject({
      code: 'PLUGIN_UNUSABLE',
      status: 409,
    })
  })

  test('a throw in setup is tried twice again, then failed', async () => {
    const clock = createFakeClock()
    const setup = vi.fn<() => void>(() => {
      throw new Error('boom')
    })
    const world = await worldOf({
      clock,
      packages: [[definePlugin({ config: {}, setup }), manifestOf('throws')]],
      defaults: [{ plugin: 'throws', name: 'default', config: {} }],
    })
    await world.host.start()
    await clock.advance(5_000)
    await clock.advance(10_000)
    expect(setup).toHaveBeenCalledTimes(3)
    expect(stateOf(world, 'throws')).toMatchObject({ state: 'failed', text: 'boom' })
    await clock.advance(600_000)
    expect(setup).toHaveBeenCalledTimes(3)
  })

  test('NotReady is tried after 5, 10, 20, 40, 80, 80 s; logged once', async () => {
    const clock = createFakeClock()
    const atMs: number[] = []
    const setup = (): void => {
      atMs.push(clock.monotonicMs())
      throw new NotReady('not yet')
    }
    const world = await worldOf({
      clock,
      packages: [[definePlugin({ config: {}, setup }), manifestOf('waits')]],
      defaults: [{ plugin: 'waits', name: 'default', config: {} }],
    })
    await world.host.start()
    await clock.advance(300_000)
    expect(atMs.map((at) => at / 1000)).toEqual([0, 5, 15, 35, 75, 155, 235])
    expect(
      world.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('not ready')),
    ).toHaveLength(1)
  })

  test('the back-off begins anew after ten minutes of running', async () => {
    const clock = createFakeClock()
    let ready = false
    const atMs: number[] = []
    let crash: () => void = () => undefined
    const plugin = definePlugin({
      config: {},
      setup(ctx) {
        atMs.push(clock.monotonicMs() / 1000)
        if (!ready) throw new NotReady('not yet')
        let wanted = false
        crash = () => void (wanted = true)
        ctx.every(1000, () => {
          if (wanted) throw new Error('gone')
        })
      },
    })
    const world = await worldOf({
      clock,
      packages: [[plugin, manifestOf('p')]],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    await world.host.start()
    await clock.advance(15_000)
    ready = true
    await clock.advance(20_000)
    expect(stateOf(world, 'p').state).toBe('running')
    await clock.advance(600_000)
    crash()
    await clock.advance(1_000)
    expect(stateOf(world, 'p')).toMatchObject({ state: 'retrying', code: 'PLUGIN_CRASHED', text: 'gone' })
    await clock.advance(5_000)
    expect(stateOf(world, 'p').state).toBe('running')
  })

  test('the third crash within five minutes is a loop that only a person ends', async () => {
    const clock = createFakeClock()
    let starts = 0
    const plugin = definePlugin({
      config: {},
      setup(ctx) {
        starts += 1
        ctx.every(1000, () => {
          throw new Error('again')
        })
      },
    })
    const world = await worldOf({
      clock,
      packages: [[plugin, manifestOf('p')]],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    await world.host.start()
    await clock.advance(200_000)
    expect(starts).toBe(3)
    expect(stateOf(world, 'p')).toMatchObject({ state: 'crash-loop', code: 'PLUGIN_CRASH_LOOP' })
    await clock.advance(1_000_000)
    expect(starts).toBe(3)
    await world.host.restart('p', 'default')
    expect(stateOf(world, 'p').state).toBe('running')
  })

  test('an instance whose start the process did not survive is left out until a person acts', async () => {
    const setup = vi.fn<() => void>()
    const stored = {
      plugin: 'p',
      name: 'default',
      enabled: true,
      config: {},
      configVersion: 1,
      starting: 1,
      version: 3,
    }
    const world = await worldOf({
      packages: [[definePlugin({ config: {}, setup }), manifestOf('p')]],
      initial: [stored],
    })
    await world.host.start()
    expect(setup).not.toHaveBeenCalled()
    expect(stateOf(world, 'p')).toMatchObject({ state: 'failed', code: 'PLUGIN_BOOT_SKIPPED' })
    expect(stateOf(world, 'p').text).toContain('process ended while this instance was starting')
    await world.host.stop()
    expect(world.stored.get('p/default')?.starting).toBe(1)
    await world.host.start()
    expect(setup).not.toHaveBeenCalled()
    await world.host.restart('p', 'default')
    expect(stateOf(world, 'p').state).toBe('running')
    expect(world.stored.get('p/default')).toMatchObject({ starting: 0, version: 3 })
  })

  test('notes the start before setup is called, and takes it back after', async () => {
    const seen: unknown[] = []
    const world: World = await worldOf({
      packages: [
        [
          definePlugin({ config: {}, setup: () => void seen.push(world.stored.get('p/default')?.starting) }),
          manifestOf('p'),
        ],
      ],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(seen).toEqual([1])
    expect(world.stored.get('p/default')?.starting).toBe(0)
  })
})

describe('contributions', () => {
  const manifest = manifestOf('c', {
    contributes: {
      codecs: [{ name: 'csv', title: 'CSV' }],
      accessProviders: [{ name: 'list', title: 'List', decides: ['publish'] }],
      http: [{ prefix: '/c', auth: 'own' }],
    },
  })

  test('go live together when setup resolves, and are withdrawn before the first release', async () => {
    let during: string[] = []
    let atRelease: string[] = ['?']
    const now = (): string[] => [...world.contributed, ...world.listening]
    const plugin = definePlugin({
      config: {},
      async setup(ctx) {
        ctx.codec('csv', { decode: () => [] })
        ctx.own('thing', () => void (atRelease = now()))
        ctx.accessProvider('list', {})
        ctx.listen({ name: 'own', port: 5 }, () => undefined)
        ctx.match(
          'm',
          () => 'no',
          () => undefined,
        )
        await Promise.resolve()
        during = now()
      },
    })
    const world = await worldOf({
      packages: [[plugin, manifest]],
      defaults: [{ plugin: 'c', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(during).toEqual([])
    expect(now().toSorted()).toEqual(['accessProvider list', 'codec csv', 'm', 'own'])
    await world.host.disable('c', 'default')
    expect(atRelease).toEqual([])
    expect(now()).toEqual([])
  })

  test.each([
    ['adapter', (ctx: Context<unknown>) => ctx.adapter('x')],
    ['codec', (ctx: Context<unknown>) => ctx.codec('x', { decode: () => [] })],
    ['accessProvider', (ctx: Context<unknown>) => ctx.accessProvider('x', {})],
    ['sessions', (ctx: Context<unknown>) => ctx.sessions],
    ['upgrade', (ctx: Context<unknown>) => ctx.upgrade('/elsewhere', () => undefined)],
    ['http route', (ctx: Context<unknown>) => ctx.http(async (app) => void app.get('/elsewhere', async () => 1))],
  ])('an undeclared %s is an error', async (_what, take) => {
    const plugin = definePlugin({
      config: {},
      setup(ctx) {
        take(ctx)
      },
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('u')]],
      defaults: [{ plugin: 'u', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(stateOf(world, 'u')).toMatchObject({ code: 'PLUGIN_UNDECLARED' })
  })

  test('a setup that fails contributes nothing and owns nothing', async () => {
    const released = vi.fn<() => void>()
    const plugin = definePlugin({
      config: {},
      setup(ctx) {
        ctx.own('a', released)
        ctx.codec('csv', { decode: () => [] })
        throw new Error('boom')
      },
    })
    const world = await worldOf({
      packages: [[plugin, manifest]],
      defaults: [{ plugin: 'c', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(released).toHaveBeenCalledOnce()
    expect(world.contributed.size).toBe(0)
  })

  test('a plugin may take a changed configuration while it runs, and close a port; what it does not take starts it anew', async () => {
    const manifest = manifestOf('r', { contributes: {} })
    let setups = 0
    const asked: unknown[] = []
    const plugin = definePlugin({
      config: { port: field.integer({ title: 'Port', default: 5 }), secret: field.secret({ title: 'Secret' }) },
      setup(ctx) {
        setups += 1
        let port = ctx.config.port
        const open = () => ctx.listen({ name: `own-${port}`, port }, () => undefined)
        let close = open()
        ctx.onConfig(async (next) => {
          asked.push(next.port)
          if (next.port === 8) throw new TypeError('not like this')
          if (next.port === 7) return false
          await close()
          port = next.port
          close = open()
          return true
        })
      },
    })
    const world = await worldOf({ packages: [[plugin, manifest]] })
    await world.host.start()
    const put = async (config: object) => {
      const { version } = await world.host.put('r', 'default', { config: { secret: 'old', ...config } })
      return { version, setups, listening: [...world.listening], state: stateOf(world, 'r').state }
    }
    const running = { state: 'running' }
    expect(await put({ port: 5 })).toEqual({ ...running, version: 1, setups: 1, listening: ['own-5'] })
    expect(await put({ port: 6 })).toEqual({ ...running, version: 2, setups: 1, listening: ['own-6'] })
    expect(await put({ port: 7 })).toEqual({ ...running, version: 3, setups: 2, listening: ['own-7'] })
    expect(await put({ port: 8 })).toEqual({ ...running, version: 4, setups: 3, listening: ['own-8'] })
    // The log would not hide a secret that it was not made with.
    expect(await put({ port: 9, secret: 'new' })).toEqual({ ...running, version: 5, setups: 4, listening: ['own-9'] })
    expect(asked).toEqual([6, 7, 8])
  })

  test('a taken port makes the instance degraded, and it can say so itself', async () => {
    let health: (state: 'ok' | 'degraded', why?: string) => void = () => undefined
    const plugin = definePlugin({
      config: {},
      setup(ctx) {
        ctx.listen({ name: 'own', port: 1 }, () => undefined)
        health = (state, why) => ctx.health(state, why)
      },
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('d')]],
      defaults: [{ plugin: 'd', name: 'default', config: {} }],
    })
    await world.host.start()
    expect(stateOf(world, 'd')).toMatchObject({ state: 'degraded', text: 'Port 1 is taken.' })
    health('degraded', 'Slow.')
    expect(stateOf(world, 'd').text).toBe('Port 1 is taken. Slow.')
    health('ok')
    expect(stateOf(world, 'd')).toMatchObject({ state: 'degraded', text: 'Port 1 is taken.' })
  })
})

describe('stopping', () => {
  test('a release that hangs is stop-failed and named; the host lives', async () => {
    const clock = createFakeClock()
    const plugin = definePlugin({ config: {}, setup: (ctx) => ctx.own('the line', () => new Promise(() => undefined)) })
    const world = await worldOf({
      clock,
      packages: [[plugin, manifestOf('p')]],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    await world.host.start()
    const disabling = world.host.disable('p', 'default')
    await clock.advance(60_000)
    expect(await disabling).toMatchObject({
      enabled: false,
      state: 'stop-failed',
      status: { code: 'PLUGIN_STOP_FAILED' },
    })
    expect(stateOf(world, 'p').text).toContain('the line')
  })

  test('a release that throws is stopped, and said', async () => {
    const plugin = definePlugin({
      config: {},
      setup: (ctx) =>
        ctx.own('the line', () => {
          throw new Error('cut')
        }),
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('p')]],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    await world.host.start()
    await world.host.disable('p', 'default')
    expect(stateOf(world, 'p')).toMatchObject({ state: 'stopped', code: 'PLUGIN_STOP_FAILED', text: 'the line: cut' })
  })

  test('does not wait for a setup that hangs', async () => {
    let began: () => void = () => undefined
    const begun = new Promise<void>((resolve) => (began = resolve))
    const plugin = definePlugin({
      config: {},
      setup: (ctx) =>
        new Promise<void>((resolve) => {
          ctx.signal.addEventListener('abort', () => resolve())
          began()
        }),
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('p', { limits: { startMs: 60_000 } })]],
      defaults: [{ plugin: 'p', name: 'default', config: {} }],
    })
    const starting = world.host.start()
    await begun
    await world.host.stop()
    await starting
    expect(stateOf(world, 'p').state).toBe('stopped')
    expect(statesOf(world, 'p')).not.toContain('running')
    expect(world.stored.get('p/default')?.starting).toBe(0)
  })
})

describe('configuring', () => {
  const configured = definePlugin({
    config: {
      host: field.host({ default: 'localhost' }),
      token: field.optional(field.secret()),
      mode: field.choice(['good', 'bad', 'throws', 'waits', 'unready', 'hates'], { default: 'good' }),
    },
    async verify({ mode }) {
      if (mode === 'hates') throw new BadConfig('/mode', 'I hate it')
      if (mode === 'unready') throw new NotReady('later')
    },
    setup(ctx) {
      const { mode, token } = ctx.config
      ctx.log.info(`token is ${token}`, {
        headers: { authorization: `Bearer ${token}` },
        err: new Error(`with ${token}`),
      })
      if (mode === 'bad') throw new BadConfig('/mode', `bad ${token}`)
      if (mode === 'throws') throw new Error(`throws ${token}`)
      if (mode === 'waits') throw new NotReady('waits')
    },
  })
  const secret = 'hunter2-hunter2'
  const many = manifestOf('cfg', { instances: 'many' })

  test('validates, applies defaults, seals secrets and never gives them back', async () => {
    const world = await worldOf({ packages: [[configured, many]] })
    await world.host.start()
    const made = await world.host.put('cfg', 'a', { config: { token: secret } })
    expect(made).toMatchObject({ state: 'running', version: 1, config: { host: 'localhost', token: { set: true } } })
    expect(JSON.stringify([...world.stored.values()])).not.toContain(secret)
    expect(JSON.stringify(world.host.instances('cfg'))).not.toContain(secret)
    expect(world.logText()).toContain('token is [secret]')
    expect(world.logText()).not.toContain(secret)
  })

  test('keeps the stored secret on {"set": true}, and refuses it where none is stored', async () => {
    const world = await worldOf({ packages: [[configured, many]] })
    await world.host.start()
    await world.host.put('cfg', 'a', { config: { token: secret } })
    const sealed = world.stored.get('cfg/a')?.config['token']
    await world.host.put('cfg', 'a', { config: { mode: 'waits', token: { set: true } } })
    expect(world.stored.get('cfg/a')?.config).toMatchObject({ mode: 'waits', token: sealed })
    // Neither saved nor tried: the secret would go where its owner never sent it.
    const moved = { config: { host: 'other', token: { set: true } } }
    const refused = { code: 'CONFIG_INVALID', fields: [{ path: '/token', code: 'secret-target-changed' }] }
    await expect(world.host.put('cfg', 'a', moved)).rejects.toMatchObject(refused)
    await expect(world.host.test('cfg', 'a', moved.config)).rejects.toMatchObject(refused)
    await expect(world.host.put('cfg', 'b', { config: { token: { set: true } } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      fields: [{ path: '/token', code: 'secret-missing' }],
    })
    await world.host.put('cfg', 'a', { config: {} })
    expect(world.stored.get('cfg/a')?.config).not.toHaveProperty('token')
  })

  test('says each wrong field, and refuses keys that nobody knows', async () => {
    const world = await worldOf({ packages: [[configured, many]] })
    await world.host.start()
    await expect(world.host.put('cfg', 'a', { config: { host: 'a b', mode: 'x', more: 1 } })).rejects.toMatchObject({
      status: 422,
      fields: expect.arrayContaining([
        { path: '/host', code: 'pattern', message: 'is not well formed' },
        { path: '/more', code: 'unknown', message: 'is not known here' },
        expect.objectContaining({ path: '/mode', code: 'enum' }),
      ]),
    })
    await expect(world.host.put('cfg', 'a', { config: JSON.parse('{"__proto__":{"x":1}}') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
    expect(world.host.instances('cfg')).toEqual([])
  })

  test.each(['bad', 'throws'])(
    'a running instance keeps its configuration when the new one fails (%s)',
    async (mode) => {
      const world = await worldOf({ packages: [[configured, many]] })
      await world.host.start()
      await world.host.put('cfg', 'a', { config: { token: secret } })
      const refused = await world.host
        .put('cfg', 'a', { config: { mode, token: { set: true } } })
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({
        status: 422,
        code: mode === 'bad' ? 'PLUGIN_BAD_CONFIG' : 'PLUGIN_START_REFUSED',
      })
      expect(inspect(refused)).not.toContain(secret)
      expect(world.host.instance('cfg', 'a')).toMatchObject({ state: 'running', config: { mode: 'good' }, version: 3 })
    },
  )

  test('verify refuses before anything is saved; not ready is no refusal', async () => {
    const world = await worldOf({ packages: [[configured, many]] })
    await world.host.start()
    await expect(world.host.put('cfg', 'a', { config: { mode: 'hates' } })).rejects.toMatchObject({
      code: 'PLUGIN_BAD_CONFIG',
      fields: [{ path: '/mode', code: 'bad-config', message: 'I hate it' }],
    })
    expect(world.stored.size).toBe(0)
    expect(await world.host.put('cfg', 'a', { config: { mode: 'unready' } })).toMatchObject({ state: 'running' })
    expect(await world.host.put('cfg', 'a', { config: { mode: 'waits' } })).toMatchObject({ state: 'retrying' })
    expect(await world.host.test('cfg', undefined, { mode: 'hates' })).toMatchObject({
      ok: false,
      code: 'PLUGIN_BAD_CONFIG',
    })
    expect(await world.host.test('cfg', 'a', { mode: 'unready' })).toMatchObject({
      ok: false,
      code: 'PLUGIN_NOT_READY',
    })
    expect(await world.host.test('cfg', 'a', {})).toEqual({ ok: true })
  })

  test('a test tells what the remote said, without secrets; a save sends nothing, and both know what may be called', async () => {
    const abouts: unknown[] = []
    const told = definePlugin({
      config: { token: field.secret() },
      async verify({ token }, _signal, about) {
        abouts.push(about)
        if (about.purpose === 'save') return undefined
        if (token === 'refused-token') throw new Error(`403 no ${token}`)
        return { reply: `200 hello ${token} ${'x'.repeat(5000)}` }
      },
      setup: () => undefined,
    })
    const world = await worldOf({ packages: [[told, many]] })
    await world.host.start()
    await world.host.put('cfg', 'a', { config: { token: 'stored-token' } })
    const { ok, reply = '' } = await world.host.test('cfg', 'a', { token: { set: true } })
    expect([ok, reply.startsWith('200 hello [secret] xxx'), reply.length <= 2000]).toEqual([true, true, true])
    expect(await world.host.test('cfg', undefined, { token: 'refused-token' })).toEqual({
      ok: false,
      code: 'PLUGIN_VERIFY_FAILED',
      text: '403 no [secret]',
    })
    expect(abouts).toEqual([
      { purpose: 'save', privateTargets: [] },
      { purpose: 'test', privateTargets: [] },
      { purpose: 'test', privateTargets: [] },
    ])
  })

  test('a new instance that fails is kept and says why', async () => {
    const world = await worldOf({ packages: [[configured, many]] })
    await world.host.start()
    const made = await world.host.put('cfg', 'a', { config: { mode: 'bad', token: secret } })
    expect(made).toMatchObject({
      state: 'needs-config',
      status: { code: 'PLUGIN_BAD_CONFIG', text: '/mode: bad [secret]' },
    })
    expect(await world.host.put('cfg', 'a', { config: {} })).toMatchObject({ state: 'running' })
  })

  test('checks the expected version and the name', async () => {
    const world = await worldOf({
      packages: [
        [configured, many],
        [quiet, manifestOf('single')],
      ],
    })
    await world.host.start()
    await world.host.put('cfg', 'a', { config: {} }, 0)
    await expect(world.host.put('cfg', 'a', { config: {} }, 0)).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
      status: 412,
    })
    await expect(world.host.remove('cfg', 'a', 7)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
    await world.host.put('cfg', 'a', { config: {} }, 1)
    await expect(world.host.put('single', 'other', { config: {} })).rejects.toMatchObject({
      code: 'INSTANCE_NAME_INVALID',
    })
    await expect(world.host.put('cfg', '../x', { config: {} })).rejects.toMatchObject({ code: 'INSTANCE_NAME_INVALID' })
    await expect(world.host.put('none', 'a', { config: {} })).rejects.toMatchObject({
      code: 'PLUGIN_UNKNOWN',
      status: 404,
    })
    expect(() => world.host.instance('cfg', 'z')).toThrow('no instance z')
    await expect(world.host.enable('cfg', 'z')).rejects.toMatchObject({ code: 'INSTANCE_UNKNOWN', status: 404 })
  })

  test('carries an old configuration over, once', async () => {
    const migrate = vi.fn<(old: Record<string, unknown>) => Record<string, unknown>>(({ server, ...rest }) => ({
      ...rest,
      host: server,
    }))
    const plugin = definePlugin({
      config: { host: field.host(), token: field.optional(field.secret()) },
      migrate: { 1: migrate },
      setup: () => undefined,
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('m', { configVersion: 2 })]],
      initial: [
        {
          plugin: 'm',
          name: 'default',
          enabled: true,
          configVersion: 1,
          starting: 0,
          version: 4,
          config: { server: 'old', token: { $sealed: 'sealed:terces' } },
        },
      ],
    })
    await world.host.start()
    expect(migrate).toHaveBeenCalledWith({ server: 'old', token: 'secret' })
    expect(world.stored.get('m/default')).toMatchObject({
      configVersion: 2,
      config: { host: 'old', token: { $sealed: 'sealed:terces' } },
    })
    await world.host.restart('m', 'default')
    expect(migrate).toHaveBeenCalledOnce()
  })

  test('a setting of the environment beats what is stored, and is not stored itself', async () => {
    const seen: unknown[] = []
    const plugin = definePlugin({
      config: { port: field.integer({ default: 1, setting: 'PATCHBAY_X_PORT' }), other: field.integer({ default: 2 }) },
      setup: (ctx) => void seen.push(ctx.config),
    })
    const world = await worldOf({
      packages: [[plugin, manifestOf('s', { configVersion: 2 })]],
      settingOf: (name) => (name === 'PATCHBAY_X_PORT' ? 9 : undefined),
      initial: [
        { plugin: 's', name: 'default', enabled: true, configVersion: 1, starting: 0, version: 1, config: { port: 5 } },
      ],
    })
    await world.host.start()
    expect(seen).toEqual([{ port: 9, other: 2 }])
    expect(world.stored.get('s/default')).toMatchObject({ configVersion: 2, config: { port: 5, other: 2 } })
  })

  test('a stored configuration that cannot be used asks for a person', async () => {
    const world = await worldOf({
      packages: [[configured, many]],
      initial: [{ plugin: 'cfg', name: 'a', enabled: true, configVersion: 5, starting: 0, version: 1, config: {} }],
    })
    await world.host.start()
    expect(stateOf(world, 'cfg', 'a')).toMatchObject({ state: 'needs-config', code: 'CONFIG_MIGRATION_FAILED' })
    expect(await world.host.put('cfg', 'a', { config: {} })).toMatchObject({ state: 'running' })
  })

  test('calls on one instance come one after the other', async () => {
    let running = 0
    let most = 0
    const plugin = definePlugin({
      config: {},
      async setup(ctx) {
        running += 1
        most = Math.max(most, running)
        ctx.own('one', () => void (running -= 1))
        await new Promise(setImmediate)
      },
    })
    const world = await worldOf({ packages: [[plugin, manifestOf('p')]] })
    await world.host.start()
    await Promise.all([
      world.host.put('p', 'default', { config: {} }),
      world.host.put('p', 'default', { config: {} }),
      ...Array.from({ length: 10 }, () => world.host.put('p', 'default', { config: {} })),
    ])
    await Promise.all([
      world.host.restart('p', 'default'),
      world.host.disable('p', 'default'),
      world.host.enable('p', 'default'),
    ])
    expect(most).toBe(1)
    expect(running).toBe(1)
    expect(stateOf(world, 'p').state).toBe('running')
  })

  test('foresees a put: what is wrong, what it would be, and which secrets would change, without showing or changing any', async () => {
    const setup = vi.fn<() => void>()
    const plugin = definePlugin({
      config: { url: field.url(), token: field.secret(), size: field.integer({ default: 3 }) },
      setup,
    })
    const world = await worldOf({ packages: [[plugin, manifestOf('s')]] })
    await world.host.start()
    const config = { url: 'http://a/', token: 'first' }
    expect(world.host.foresee('s', 'default', { config })).toEqual({
      enabled: true,
      config: { url: 'http://a/', token: { set: true }, size: 3 },
      secrets: ['/token'],
    })
    expect(world.host.instances('s')).toEqual([])
    await world.host.put('s', 'default', { config })
    expect(world.host.foresee('s', 'default', { config }).secrets).toEqual([])
    expect(world.host.foresee('s', 'default', { config: { ...config, token: { set: true } } }).secrets).toEqual([])
    expect(world.host.foresee('s', 'default', { config: { ...config, token: 'second' } }).secrets).toEqual(['/token'])
    expect(() => world.host.foresee('s', 'default', { config: { ...config, size: 'big' } })).toThrow(/\/size/)
    expect(world.host.instance('s', 'default').version).toBe(1)
    expect(setup).toHaveBeenCalledOnce()
  })
})
