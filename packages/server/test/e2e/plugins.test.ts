import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hangsInStart } from '../fixtures/plugins/hangs-in-start.ts'
import { hangsInStop } from '../fixtures/plugins/hangs-in-stop.ts'
import { rejectsLate } from '../fixtures/plugins/rejects-late.ts'
import { steady } from '../fixtures/plugins/steady.ts'
import { throwsInSetup } from '../fixtures/plugins/throws-in-setup.ts'
import { type Api, createApi } from '../harness/api.ts'
import { bundlePlugin } from '../harness/bundled-plugin.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { makeDataFolder } from '../harness/server-process.ts'

let data: Awaited<ReturnType<typeof makeDataFolder>>
let server: InProcess
let api: Api

const instance = (id: string) => `/api/v1/plugins/${id}/instances/default`
const read = async (id: string) => (await api.get(instance(id))).body
const make = (id: string, config: Record<string, unknown> = {}) => api.put(instance(id), { config })
/** The rest of the platform, asked from outside. */
const isUp = async () => {
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  expect((await api.get('/api/v1/devices')).status).toBe(200)
  expect((await fetch(`${server.url}/x/steady`)).status).toBe(200)
}
const answers = async (path: string): Promise<number> => (await fetch(server.url + path)).status

// What main does with errors that nobody awaited; the runner's own listeners would call them its failures.
const events = ['uncaughtException', 'unhandledRejection'] as const
const theirs = events.map((event) => process.listeners(event as 'uncaughtException'))
const uncaught: unknown[] = []
const catchAll = (error: unknown): void => {
  if (!server.platform.caught(error)) uncaught.push(error)
}

const start = async (): Promise<void> => {
  const root = join(data.path, 'packages')
  const fast = { limits: { startMs: 300, stopMs: 500 } }
  server = await startInProcess({
    data: data.path,
    bundled: [
      await bundlePlugin(root, 'steady', steady),
      await bundlePlugin(root, 'throws-in-setup', throwsInSetup, fast),
      await bundlePlugin(root, 'hangs-in-start', hangsInStart, fast),
      await bundlePlugin(root, 'hangs-for-long', hangsInStart, { limits: { startMs: 60_000 } }),
      await bundlePlugin(root, 'hangs-in-stop', hangsInStop, fast),
      await bundlePlugin(root, 'rejects-late', rejectsLate, fast),
    ],
  })
  api = createApi(server.url)
}

beforeAll(async () => {
  for (const event of events) process.removeAllListeners(event).on(event, catchAll)
  data = await makeDataFolder()
  await start()
  expect((await make('steady')).status).toBe(200)
})
afterAll(async () => {
  await server.close()
  await data.remove()
  events.forEach((event, at) => {
    process.removeListener(event, catchAll)
    for (const listener of theirs[at] ?? []) process.on(event, listener)
  })
})

describe('a hostile plugin hurts itself only, and its state says how', () => {
  test('it throws in setup', async () => {
    const { status, body } = await make('throws-in-setup')
    expect(status).toBe(200)
    expect(body.state).toMatch(/retrying|failed/)
    expect(body.status.text).toContain('the gears are stuck')
    expect(await answers('/x/throws-in-setup')).toBe(503)
    await isUp()
  })

  test('it hangs in its start', async () => {
    const { body } = await make('hangs-in-start')
    expect(body.status).toMatchObject({ code: 'PLUGIN_START_TIMEOUT', text: expect.stringContaining('300 ms') })
    await isUp()
  })

  test('it hangs in its stop', async () => {
    expect((await make('hangs-in-stop')).body.state).toBe('running')
    expect(await answers('/x/hangs-in-stop')).toBe(200)
    const { status, body } = await api.post(`${instance('hangs-in-stop')}/disable`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      state: 'stop-failed',
      status: { code: 'PLUGIN_STOP_FAILED', text: expect.stringContaining('a hand that holds on') },
    })
    expect(await answers('/x/hangs-in-stop')).toBe(404)
    await isUp()
  })

  test('it breaks where nobody waits: it is started again', async () => {
    expect((await make('rejects-late')).body.state).toBe('running')
    expect(await answers('/x/rejects-late/request')).toBe(500)
    expect((await read('rejects-late')).state).toBe('running')
    const crash = async (way: string, says: string): Promise<void> => {
      expect((await api.post(`/x/rejects-late/${way}`)).status).toBe(200)
      await expect.poll(async () => (await read('rejects-late')).status.text, { interval: 5 }).toContain(says)
      expect(await read('rejects-late')).toMatchObject({ state: 'retrying', status: { code: 'PLUGIN_CRASHED' } })
      expect(await answers('/x/rejects-late')).toBe(503)
      await isUp()
    }
    await crash('timer', 'broke in a timer')
    await expect.poll(async () => (await read('rejects-late')).state, { timeout: 8000 }).toBe('running')
    await crash('promise', 'rejected late')
    expect((await api.post(`${instance('rejects-late')}/restart`)).body.state).toBe('running')
    expect(await answers('/x/rejects-late')).toBe(200)
    expect(uncaught).toEqual([])
    const { items } = (await api.get('/api/v1/plugins/rejects-late/log?instance=default')).body
    expect(items).toContainEqual(
      expect.objectContaining({ level: 'error', text: 'crashed', detail: expect.stringContaining('rejected late') }),
    )
    expect(JSON.stringify(items), 'a stack is for the server’s log').not.toContain('.ts:')
    expect((await api.get('/api/v1/plugins/rejects-late/log?instance=other')).body.items).toEqual([])
  })
})

describe('a configuration', () => {
  test('that its schema refuses is 422 with the fields, and the old one stays active', async () => {
    for (const [config, path] of [
      [{ greeting: 'a greeting that is far too long' }, '/config/greeting'],
      [{ greeting: 5 }, '/config/greeting'],
      [{ colour: 'red' }, '/config/colour'],
    ] as const) {
      const { status, body } = await make('steady', config)
      expect([status, body.code]).toEqual([422, 'CONFIG_INVALID'])
      expect(body.errors[0].path).toBe(path)
    }
    expect(await (await fetch(`${server.url}/x/steady`)).json()).toEqual({ greeting: 'hello' })
    expect((await read('steady')).config.greeting).toBe('hello')
  })

  test('that the plugin refuses is 422, and the old one goes on running', async () => {
    expect((await make('steady', { greeting: 'rude' })).body).toMatchObject({
      status: 422,
      errors: [{ path: expect.stringContaining('greeting'), message: expect.stringContaining('no greeting') }],
    })
    const { status, body } = await make('steady', { greeting: 'mute', token: 'a-very-secret-token' })
    expect([status, body.code]).toEqual([422, 'PLUGIN_BAD_CONFIG'])
    expect(JSON.stringify(body)).not.toContain('a-very-secret-token')
    expect(await (await fetch(`${server.url}/x/steady`)).json()).toEqual({ greeting: 'hello' })
    expect(await read('steady')).toMatchObject({ state: 'running', config: { greeting: 'hello' } })
  })

  test('never shows a secret, keeps it at {"set": true}, and holds after a change without a restart', async () => {
    const { status, body } = await make('steady', { greeting: 'hi', token: 'a-very-secret-token' })
    expect([status, body.config]).toEqual([200, { greeting: 'hi', token: { set: true } }])
    expect(await (await fetch(`${server.url}/x/steady`)).json()).toEqual({ greeting: 'hi' })
    expect((await make('steady', { greeting: 'hey', token: { set: true } })).status).toBe(200)
    for (const path of [
      instance('steady'),
      '/api/v1/plugins/steady/instances',
      '/api/v1/plugins',
      '/api/v1/plugins/steady/log',
      '/api/v1/audit',
    ]) {
      expect(JSON.stringify((await api.get(path)).body)).not.toContain('a-very-secret-token')
    }
    expect(server.lines.join('\n')).not.toContain('a-very-secret-token')
    expect((await read('steady')).config.token).toEqual({ set: true })
    expect((await api.put(instance('steady'), { config: {} }, { 'if-match': '"1"' })).status).toBe(412)
  })

  test('for what is not there is 404 or 409', async () => {
    expect((await api.get('/api/v1/plugins/nobody')).status).toBe(404)
    expect((await api.get('/api/v1/plugins/nobody/log')).status).toBe(404)
    expect((await api.get('/api/v1/plugins')).body.installs).toEqual({ policy: 'any', npm: false })
    expect((await make('nobody')).status).toBe(404)
    expect((await api.put('/api/v1/plugins/steady/instances/second', { config: {} })).status).toBe(422)
    expect((await api.get('/api/v1/plugins/steady/instances/second')).status).toBe(404)
  })

  test('whose service is away is tried again and says so; it can be taken back', async () => {
    const { body } = await make('steady', { greeting: 'late' })
    expect(body).toMatchObject({
      state: 'retrying',
      status: { code: 'PLUGIN_NOT_READY', nextTryAt: expect.any(String) },
    })
    expect(await answers('/x/steady')).toBe(503)
    expect((await make('steady', { greeting: 'hello' })).body.state).toBe('running')
  })
})

test('after a restart they are as they were left, and one that hangs for long does not hold the platform up', async () => {
  const hanging = make('hangs-for-long').catch(() => undefined)
  await expect.poll(async () => (await read('hangs-for-long')).state).toBe('starting')
  const stopping = performance.now()
  await server.close()
  expect(performance.now() - stopping).toBeLessThan(9000)
  await hanging
  const starting = performance.now()
  await start()
  expect(performance.now() - starting).toBeLessThan(5000)
  await isUp()
  expect((await read('hangs-for-long')).state).toBe('starting')
  expect((await read('hangs-in-stop')).enabled).toBe(false)
  expect((await api.post(`${instance('hangs-for-long')}/disable`)).body.state).toMatch(/stop/)
})
