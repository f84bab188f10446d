import type { HttpMount } from '@patchbay/contracts/plugin'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { definePlugin, field, peerOf } from '@patchbay/sdk'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, manifestOf, type World, type WorldOptions } from '../../test/world.ts'
import { mountsOf, toPath } from './mounts.ts'

let world: World
let server: Server
let url: string
const open = async (options: WorldOptions): Promise<void> => {
  world = await createWorld(options)
  await world.host.start()
  server.on('request', (request, response) => {
    if (!world.dispatcher.handle(request, response)) response.writeHead(404).end('core')
  })
  server.on('upgrade', (request, socket, head) => {
    if (!world.dispatcher.upgrade(request, socket, head)) socket.destroy()
  })
}
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
afterEach(async () => {
  await world.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const raw = async (lines: string): Promise<string> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(lines)
  let text = ''
  socket.on('data', (chunk) => (text += chunk))
  socket.on('error', () => undefined)
  await once(socket, 'close')
  return text
}

let release: () => void
let began: Promise<void>
const web = () => {
  let begin: () => void = () => undefined
  began = new Promise((resolve) => (begin = resolve))
  const gate = new Promise<void>((resolve) => (release = resolve))
  return definePlugin({
    config: { word: field.text({ default: 'hi' }) },
    setup(ctx) {
      ctx.http(async (app) => {
        app.get('/web/word', async (request) => ({ word: ctx.config.word, from: peerOf(request).address }))
        app.get('/web/slow', async () => {
          begin()
          await gate
          return { slow: true }
        })
        app.get('/web/poll', async () => {
          begin()
          await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve()))
          return { aborted: true }
        })
        app.get('/web/never', () => {
          begin()
          return new Promise(() => undefined)
        })
        app.get('/web/boom', async () => {
          throw new Error('secret detail')
        })
        app.post(
          '/web/echo',
          { schema: { body: { type: 'object', required: ['a'] } } },
          async (request) => request.body,
        )
        app.get('/web/admin/:id', async () => ({ admin: true }))
      })
      ctx.upgrade('/web/socket', (request, connection, head) => {
        connection.socket.write(
          `HTTP/1.1 101 Switching Protocols\r\n\r\n${String(request.headers['x-name'])} ${head.length}`,
        )
        connection.socket.end()
      })
    },
  })
}
const manifest = manifestOf('web', {
  contributes: {
    http: [
      { prefix: '/web/', auth: 'own' },
      { prefix: '/web/admin', auth: 'session' },
    ],
  },
})
const defaults = [{ plugin: 'web', name: 'default', config: {} }]

describe('the dispatcher on a real server', () => {
  test('answers under the prefix on whole segments, and leaves the rest', async () => {
    await open({ packages: [[web(), manifest]], defaults })
    expect(await (await fetch(`${url}/web/word?x=1`)).json()).toEqual({ word: 'hi', from: '127.0.0.1' })
    expect(await (await fetch(`${url}/website`)).text()).toBe('core')
    expect(await (await fetch(`${url}/`)).text()).toBe('core')
    const missing = await fetch(`${url}/web/none`)
    expect(missing.status).toBe(404)
    expect(await missing.json()).toMatchObject({ code: 'PATH_UNKNOWN' })
    expect((await fetch(`${url}${'/web'.repeat(500)}`)).status).toBe(404)
  })

  test('answers errors as problems and keeps its own faults to itself', async () => {
    await open({ packages: [[web(), manifest]], defaults })
    const boom = await fetch(`${url}/web/boom`)
    expect(boom.status).toBe(500)
    expect(boom.headers.get('content-type')).toContain('application/problem+json')
    const body = await boom.text()
    expect(JSON.parse(body)).toMatchObject({ code: 'INTERNAL', status: 500, requestId: expect.any(String) })
    expect(body).not.toContain('secret detail')
    const post = (text: string, type = 'application/json') =>
      fetch(`${url}/web/echo`, { method: 'POST', headers: { 'content-type': type }, body: text })
    expect(await (await post('{"a":1}')).json()).toEqual({ a: 1 })
    expect(await (await post('{')).json()).toMatchObject({ code: 'REQUEST_MALFORMED', status: 400 })
    expect(await (await post('{}')).json()).toMatchObject({
      code: 'REQUEST_INVALID',
      errors: [{ path: '/a', code: 'required' }],
    })
    expect(await (await post('<a/>', 'text/xml')).json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA', status: 415 })
    expect(await (await post(JSON.stringify({ a: 'x'.repeat(300_000) }))).json()).toMatchObject({ status: 413 })
    expect(await (await post('{"a":1,"__proto__":{"b":2}}')).json()).toMatchObject({ code: 'REQUEST_MALFORMED' })
  })

  test.each([
    '/web/admin/1',
    '/web/%61dmin/1',
    '/web/admin/1?x',
    '/web/admin/1#x',
    'http://other/web/admin/1',
    '/web/%61dmin/%31',
  ])('asks for the session at %s, however it is spelt', async (target) => {
    await open({ packages: [[web(), manifest]], defaults })
    world.authorized = false
    const text = await raw(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 401 /)
    expect(text).toContain('AUTH_REQUIRED')
    world.authorized = 'AUTH_FORBIDDEN'
    const refused = await raw(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect(refused).toMatch(/^HTTP\/1.1 403 [^]*AUTH_FORBIDDEN/)
    world.authorized = true
    expect(await raw(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toContain('{"admin":true}')
  })

  test('drains requests before closing a plugin; new ones are answered 404', async () => {
    await open({ packages: [[web(), manifest]], defaults })
    const slow = fetch(`${url}/web/slow`)
    await began
    let disabled = false
    const disabling = world.host.disable('web', 'default').then(() => (disabled = true))
    await vi.waitFor(async () => expect((await fetch(`${url}/web/word`)).status).toBe(503))
    expect((await fetch(`${url}/web/word`)).headers.get('retry-after')).toBe('5')
    expect(disabled).toBe(false)
    release()
    expect(await (await slow).json()).toEqual({ slow: true })
    await disabling
    expect(await (await fetch(`${url}/web/word`)).text()).toBe('core')
  })

  test('a long poll hears the signal and answers before the plugin closes', async () => {
    await open({ packages: [[web(), manifest]], defaults })
    const poll = fetch(`${url}/web/poll`)
    await began
    await world.host.disable('web', 'default')
    expect(await (await poll).json()).toEqual({ aborted: true })
  })

  test('a request that never ends is cut at the deadline', async () => {
    const slowManifest = { ...manifest, limits: { startMs: 1_000, stopMs: 15_000 } }
    await open({ packages: [[web(), slowManifest]], defaults })
    const never = fetch(`${url}/web/never`).then(
      () => 'answered',
      () => 'cut',
    )
    await began
    const startedMs = performance.now()
    expect(await world.host.disable('web', 'default')).toMatchObject({ state: 'stopped' })
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(await never).toBe('cut')
  })

  test('hands upgrades of a whole path over, refuses them without a session, leaves others', async () => {
    const ask = (path: string) =>
      raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nx-name: me\r\nconnection: upgrade\r\nupgrade: test\r\n\r\nab`)
    await open({
      packages: [
        [web(), manifest],
        [
          definePlugin({
            config: {},
            setup: (ctx) =>
              ctx.upgrade('/x/own', () => {
                throw new Error('boom')
              }),
          }),
          manifestOf('own'),
        ],
      ],
      defaults: [...defaults, { plugin: 'own', name: 'default', config: {} }],
    })
    expect(await ask('/web/socket')).toContain('me 2')
    expect(await ask('/web/word')).toBe('')
    expect(await ask('/nothing')).toBe('')
    world.authorized = false
    expect(await ask('/x/own')).toMatch(/^HTTP\/1.1 401 /)
    world.authorized = true
    expect(await ask('/x/own')).toBe('')
    await vi.waitFor(() => expect(world.host.instance('own', 'default').status.code).toBe('PLUGIN_CRASHED'))
    expect(await ask('/web/socket')).toContain('me 2')
  })

  test('refuses a prefix that overlaps another plugin or the platform', async () => {
    const claim = (id: string, prefix: string) =>
      [web(), manifestOf(id, { contributes: { http: [{ prefix, auth: 'own' }] } })] as const
    await open({
      packages: [
        [web(), manifest],
        [...claim('inside', '/web/inner')],
        [...claim('core', '/api/v1/mine')],
        [...claim('around', '/devices')],
        [...claim('beside', '/webs')],
        [...claim('dots', '/a/../b')],
      ],
    })
    const problems = Object.fromEntries(world.host.plugins().map(({ id, problem }) => [id, problem?.code]))
    expect(problems).toEqual({
      web: undefined,
      inside: 'PLUGIN_PREFIX_TAKEN',
      core: 'PLUGIN_PREFIX_TAKEN',
      around: 'PLUGIN_PREFIX_TAKEN',
      beside: undefined,
      dots: 'PLUGIN_MANIFEST_INVALID',
    })
  })

  test('a plugin may leave paths under its prefix to others, whichever is loaded first', async () => {
    const own = (id: string, http: HttpMount[]) =>
      [
        definePlugin({
          config: {},
          setup: (ctx) => ctx.http(async (app) => void app.get(`${http[0]?.prefix}/*`, async () => ({ by: id }))),
        }),
        manifestOf(id, { contributes: { http } }),
      ] as const
    await open({
      packages: [
        [...own('inner', [{ prefix: '/a/inner', auth: 'own' }])],
        [...own('outer', [{ prefix: '/a', auth: 'own', leaves: ['/a/inner', '/a/free'] }])],
        [...own('late', [{ prefix: '/a/free', auth: 'own' }])],
        [...own('greedy', [{ prefix: '/a/freedom', auth: 'own' }])],
      ],
      defaults: ['inner', 'outer', 'late'].map((plugin) => ({ plugin, name: 'default', config: {} })),
    })
    const by = async (path: string) => ((await (await fetch(`${url}${path}`)).json()) as { by: string }).by
    expect([await by('/a/x'), await by('/a/inner/x'), await by('/a/free/x')]).toEqual(['outer', 'inner', 'late'])
    expect(world.host.plugins().find(({ id }) => id === 'greedy')?.problem?.code).toBe('PLUGIN_PREFIX_TAKEN')
  })

  test('100 × disable, enable and reconfigure under requests: no handle left, none lost', async () => {
    await open({ packages: [[web(), manifest]], defaults })
    const answered: number[] = []
    const ended = new AbortController()
    const requests = (async () => {
      while (!ended.signal.aborted) {
        const response = await fetch(`${url}/web/word`)
        await response.text()
        answered.push(response.status)
      }
    })()
    const handles = () =>
      process.getActiveResourcesInfo().filter((kind) => !/Immediate|FSReq|Timeout|MessagePort/.test(kind)).length
    const before = handles()
    for (let turn = 0; turn < 100; turn += 1) {
      await world.host.disable('web', 'default')
      await world.host.enable('web', 'default')
      await world.host.put('web', 'default', { config: { word: `w${turn}` } })
    }
    const word = await (await fetch(`${url}/web/word`)).json()
    ended.abort()
    await requests
    expect(word).toMatchObject({ word: 'w99' })
    expect(answered.filter((status) => ![200, 404, 503].includes(status))).toEqual([])
    expect(answered).toContain(200)
    // One connection of the second fetch may be kept alive.
    expect(handles()).toBeLessThanOrEqual(before + 2)
    expect(world.host.instance('web', 'default')).toMatchObject({ state: 'running' })
  })
})

describe('mounts', () => {
  test('one instance has /x/{plugin}, many have one each; claims win', () => {
    expect(mountsOf(manifestOf('p'), 'default')).toEqual([{ prefix: '/x/p', auth: 'session' }])
    expect(mountsOf(manifestOf('p', { instances: 'many' }), 'a')).toEqual([{ prefix: '/x/p/a', auth: 'session' }])
    expect(mountsOf(manifest, 'default').map(({ prefix }) => prefix)).toEqual(['/web', '/web/admin'])
  })
  test('a path that is not well formed stays as it is', () => {
    expect(toPath('/a/%zz')).toBe('/a/%zz')
    expect(toPath('/a%2Fb?c#d')).toBe('/a%2Fb')
  })
})
