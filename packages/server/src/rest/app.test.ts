import { Writable } from 'node:stream'
import fastify from 'fastify'
import { Type } from 'typebox'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { permissions } from '@patchbay/contracts/person'
import { createPeople, type People } from '@patchbay/core/people/people'
import { DomainError } from '@patchbay/core/errors'
import { createFakeClock } from '@patchbay/core/test/fake-clock'
import { createMemoryRegistry } from '@patchbay/core/test/memory-registry'
import { createMetrics } from '../metrics/metrics.ts'
import { generalRoutes } from '../routes/general.ts'
import { createRestApp } from './app.ts'
import type { RestApp, GeneralDeps, Routes } from './route-deps.ts'

const password = 'correct horse battery'
const peer = { address: '127.0.0.1', encrypted: false }
let registry = createMemoryRegistry()
let clock = createFakeClock()
let people: People
let app: RestApp
let ready = { ready: true, reasons: [] as string[] }
let logged: string[] = []
const seen: { method: string; url: string; permission: unknown }[] = []

const strange: Routes<GeneralDeps> = (rest) => {
  const config = { permission: 'open' } as const
  rest.post(
    '/api/v1/echo',
    {
      config,
      schema: {
        body: Type.Object(
          { n: Type.Integer(), on: Type.Optional(Type.Boolean({ default: true })) },
          { additionalProperties: false },
        ),
      },
    },
    async ({ body }) => body,
  )
  rest.get(
    '/api/v1/numbers',
    { config, schema: { querystring: Type.Object({ n: Type.Integer({ minimum: 1 }) }) } },
    async ({ query }) => query,
  )
  rest.get('/api/v1/broken', { config }, async () => {
    throw new Error('the secret inside')
  })
  rest.get('/api/v1/domain', { config }, async () => {
    throw new DomainError('VERSION_CONFLICT', 'It changed.')
  })
  rest.get('/api/v1/page', { config }, async (_request, reply) => reply.type('text/html').send('<p>hello'))
  rest.get('/api/v1/stored', { config }, async () => registry.count('devices'))
  rest.get('/api/v1/closed', { config: { permission: 'plugins.write' } }, async () => ({}))
  rest.post('/api/v1/config', { config: { permission: 'plugins.write' } }, async () => ({}))
}

const depsOf = (): GeneralDeps => ({
  log: fastify({
    logger: {
      level: 'warn',
      stream: new Writable({ write: (line, _encoding, done) => (logged.push(String(line)), done()) }),
    },
  }).log,
  clock,
  people,
  metrics: createMetrics({ process: false }),
  peerOf: () => ({ ...peer }),
  permitsPlain: (address) => address.startsWith('127.'),
  trustedProxies: (address) => address === '10.0.0.1',
  ready: () => ready,
})

beforeEach(async () => {
  Object.assign(peer, { address: '127.0.0.1', encrypted: false })
  ready = { ready: true, reasons: [] }
  logged = []
  registry = createMemoryRegistry()
  clock = createFakeClock()
  people = createPeople({ registry, clock, onError: (error) => logged.push(String(error)) })
  app = await createRestApp(depsOf(), [
    (rest) =>
      rest.addHook(
        'onRoute',
        ({ method, url, config }) => void seen.push({ method: String(method), url, permission: config?.permission }),
      ),
    ...generalRoutes,
    strange,
  ])
})
afterEach(async () => {
  await app.close()
  await people.close()
})

const owner = async () => {
  await people.setup.ensureOwner('ada', password)
  const answer = await app.inject({ method: 'POST', url: '/api/v1/session', payload: { user: 'ada', password } })
  return { cookie: String(answer.headers['set-cookie']).split(';')[0]!, answer }
}
const keyOf = async (role?: string) => {
  const by = { kind: 'user', id: 'x', role: 'owner', permissions: ['*'], actor: 'user:x' } as const
  const { key, apiKey } = await people.apiKeys.create(by, { name: 'test', ...(role ? { role } : {}) })
  return { authorization: `Bearer ${key}`, id: apiKey.id }
}
const bearer = async (role?: string) => ({ authorization: (await keyOf(role)).authorization })

const json = { 'content-type': 'application/json' }

it('no body is none, whatever its type says', async () => {
  const headers = { ...json, ...(await bearer('owner')) }
  const post = await app.inject({ method: 'POST', url: '/api/v1/config', headers })
  expect([post.statusCode, post.body]).toEqual([200, '{}'])
  const echo = await app.inject({ method: 'POST', url: '/api/v1/echo', headers })
  expect(echo.json()).toMatchObject({ status: 422, code: 'REQUEST_INVALID' })
})

describe('problem bodies', () => {
  const cases = [
    ['malformed JSON', { method: 'POST', url: '/api/v1/echo', headers: json, payload: '{' }, 400, 'REQUEST_MALFORMED'],
    [
      'a poisoned body',
      { method: 'POST', url: '/api/v1/echo', headers: json, payload: '{"n":1,"__proto__":{"a":1}}' },
      400,
      'REQUEST_MALFORMED',
    ],
    ['a wrong field', { method: 'POST', url: '/api/v1/echo', payload: { n: '1', x: 1 } }, 422, 'REQUEST_INVALID'],
    ['a wrong query', { method: 'GET', url: '/api/v1/numbers?n=0' }, 400, 'QUERY_INVALID'],
    ['an unknown path', { method: 'GET', url: '/api/v1/nothing' }, 404, 'PATH_UNKNOWN'],
    [
      'a large body',
      { method: 'POST', url: '/api/v1/echo', headers: json, payload: `"${'x'.repeat(300_000)}"` },
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'another media type',
      { method: 'POST', url: '/api/v1/echo', headers: { 'content-type': 'text/csv' }, payload: 'a' },
      415,
      'UNSUPPORTED_MEDIA',
    ],
    ['a domain error', { method: 'GET', url: '/api/v1/domain' }, 412, 'VERSION_CONFLICT'],
    ['a fault', { method: 'GET', url: '/api/v1/broken' }, 500, 'INTERNAL'],
    ['no login', { method: 'GET', url: '/api/v1/closed' }, 401, 'AUTH_REQUIRED'],
  ] as const
  it.each(cases)('answers %s', async (_name, request, status, code) => {
    const answer = await app.inject(request)
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status, code, requestId: answer.headers['x-request-id'] })
    expect(answer.json().type).toContain(code)
  })
  it('answers a path that cannot be decoded', async () => {
    const answer = await app.inject('/api/v1/%zz')
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'REQUEST_MALFORMED'])
  })
  it('points at each wrong field', async () => {
    const answer = await app.inject({ method: 'POST', url: '/api/v1/echo', payload: { 'a/b': 1 } })
    const paths = answer.json().errors.map(({ path }: { path: string }) => path)
    expect(paths.sort()).toEqual(['/a~1b', '/n'])
  })
  it('fills defaults in, coerces the query and never a body', async () => {
    expect((await app.inject({ method: 'POST', url: '/api/v1/echo', payload: { n: 1 } })).json()).toEqual({
      n: 1,
      on: true,
    })
    expect((await app.inject('/api/v1/numbers?n=7')).json()).toEqual({ n: 7 })
    expect((await app.inject({ method: 'POST', url: '/api/v1/echo', payload: { n: '1' } })).statusCode).toBe(422)
  })
  it('logs a fault with its stack and tells the caller nothing of it', async () => {
    const answer = await app.inject('/api/v1/broken')
    expect(answer.body).not.toContain('secret inside')
    expect(logged.join()).toContain('the secret inside')
    expect(logged.join()).toContain('app.test.ts')
  })
  it('answers 503 with Retry-After while the store is away', async () => {
    registry.failing = () => true
    const answer = await app.inject('/api/v1/stored')
    registry.failing = undefined
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('5')
    expect(answer.json().code).toBe('STORE_UNAVAILABLE')
  })
  it('refuses a route that declares no permission', async () => {
    const forgetful: Routes<GeneralDeps> = (rest) => void rest.get('/api/v1/forgotten', async () => ({}))
    await expect(
      createRestApp({ ...depsOf(), metrics: createMetrics({ process: false }) }, [forgetful]),
    ).rejects.toThrow('declares no permission')
  })
})

describe('headers', () => {
  it('are strict on data and let pages load their own files', async () => {
    const data = await app.inject('/healthz')
    expect(data.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
    expect((await app.inject('/api/v1/page')).headers['content-security-policy']).toContain("default-src 'self'")
  })
  it('stand on refusals too', async () => {
    expect((await app.inject('/api/v1/nothing')).headers['x-content-type-options']).toBe('nosniff')
  })
})

describe('health', () => {
  it('says alive, ready and why not', async () => {
    expect((await app.inject('/healthz')).statusCode).toBe(200)
    expect((await app.inject('/readyz')).json()).toEqual({ ready: true, reasons: [] })
    ready = { ready: false, reasons: ['telemetry store opens'] }
    const answer = await app.inject('/readyz')
    expect([answer.statusCode, answer.json()]).toEqual([503, ready])
  })
  it('gives metrics and the description to this machine, to others with a key', async () => {
    await app.inject('/healthz')
    const local = await app.inject('/metrics')
    expect(local.body).toContain('patchbay_http_request_seconds_count{method="GET",route="/healthz",status="2xx"}')
    Object.assign(peer, { address: '192.0.2.7', encrypted: true })
    expect((await app.inject('/metrics')).statusCode).toBe(401)
    expect((await app.inject('/api/v1/openapi.json')).statusCode).toBe(401)
    expect((await app.inject({ url: '/metrics', headers: await bearer('viewer') })).statusCode).toBe(200)
    expect((await app.inject({ url: '/api/v1/openapi.json', headers: await bearer() })).statusCode).toBe(200)
  })
  it('does not take a proxy on this machine for its clients', async () => {
    const answer = await app.inject({ url: '/metrics', headers: { 'x-forwarded-for': '192.0.2.7' } })
    expect(answer.statusCode).toBe(401)
  })
})

describe('the other end', () => {
  it('is refused plain text from where it is not permitted, but for health', async () => {
    peer.address = '192.0.2.7'
    expect((await app.inject('/api/v1/setup')).json().code).toBe('PLAIN_FORBIDDEN')
    expect((await app.inject('/api/v1/nothing')).json().code).toBe('PLAIN_FORBIDDEN')
    expect((await app.inject('/healthz')).statusCode).toBe(200)
    expect((await app.inject('/readyz')).statusCode).toBe(200)
  })
  it('is seen through trusted proxies only', async () => {
    const headers = { 'x-forwarded-for': '127.0.0.9, 192.0.2.8', 'x-forwarded-proto': 'https' }
    peer.address = '192.0.2.7'
    expect((await app.inject({ url: '/api/v1/setup', headers })).statusCode).toBe(403)
    peer.address = '::ffff:10.0.0.1'
    expect((await app.inject({ url: '/api/v1/setup', headers })).statusCode).toBe(200)
    expect((await app.inject({ url: '/metrics', headers })).statusCode).toBe(401)
    expect(
      (await app.inject({ url: '/api/v1/setup', headers: { ...headers, 'x-forwarded-proto': 'http' } })).statusCode,
    ).toBe(403)
  })
})

describe('setup', () => {
  it('makes exactly one owner when many race', async () => {
    const token = await people.setup.issue()
    const answers = await Promise.all(
      ['ada', 'bob', 'cid', 'dan'].map((user) =>
        app.inject({ method: 'POST', url: '/api/v1/setup', payload: { token, user, password } }),
      ),
    )
    expect(answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([201, 409, 409, 409])
    expect((await people.users.list({ limit: 10 })).items).toHaveLength(1)
    expect((await app.inject('/api/v1/setup')).json()).toEqual({ needed: false })
    expect(await people.setup.issue()).toBeUndefined()
  })
  it('makes exactly one owner when two processes race', async () => {
    const other = createPeople({ registry, clock, onError: () => undefined })
    const token = (await people.setup.issue())!
    const results = await Promise.allSettled([
      people.setup.complete({ token, user: 'ada', password }),
      other.setup.complete({ token, user: 'bob', password }),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await people.users.list({ limit: 10 })).items).toHaveLength(1)
    await other.close()
  })
  it('refuses wrong, replaced and old tokens', async () => {
    const first = await people.setup.issue()
    const second = await people.setup.issue()
    const tryWith = async (token?: string) =>
      (await app.inject({ method: 'POST', url: '/api/v1/setup', payload: { token, user: 'ada', password } })).statusCode
    expect(await tryWith('nonsense')).toBe(403)
    expect(await tryWith(first)).toBe(403)
    clock.pass(60 * 60_000)
    expect(await tryWith(second)).toBe(403)
    expect(await tryWith(await people.setup.issue())).toBe(201)
  })
  it('does not use the token up with a weak password', async () => {
    const token = await people.setup.issue()
    const weak = await app.inject({
      method: 'POST',
      url: '/api/v1/setup',
      payload: { token, user: 'ada', password: 'Password123!' },
    })
    expect([weak.statusCode, weak.json().errors[0].path]).toEqual([422, '/password'])
    const good = await app.inject({ method: 'POST', url: '/api/v1/setup', payload: { token, user: 'ada', password } })
    expect(good.statusCode).toBe(201)
  })
  it('goes on after a crash between the claim and the user', async () => {
    await people.setup.ensureOwner('ada', password)
    const user = (await registry.get('users', 'ada'))!
    await registry.put('meta', 'owner', { user: 'ada', at: '', pending: user.body }, 'any')
    await registry.delete('users', 'ada')
    expect(await people.setup.needed()).toBe(false)
    expect((await people.users.get('ada')).role).toBe('owner')
  })
})

describe('sessions', () => {
  it('set a strict cookie, under the prefixed name over TLS', async () => {
    const plain = await owner()
    expect(plain.answer.headers['set-cookie']).toMatch(/^patchbay=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    peer.encrypted = true
    const tls = await owner()
    expect(tls.answer.headers['set-cookie']).toMatch(
      /^__Host-patchbay=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
    expect((await app.inject({ url: '/api/v1/session', headers: { cookie: plain.cookie } })).statusCode).toBe(401)
    const who = await app.inject({ url: '/api/v1/session', headers: { cookie: tls.cookie } })
    expect(who.json()).toMatchObject({ user: 'ada', role: 'owner' })
  })
  it('end when idle, after twelve hours, at logout, and with a new password', async () => {
    const get = async (cookie: string) => (await app.inject({ url: '/api/v1/session', headers: { cookie } })).statusCode
    const idle = (await owner()).cookie
    clock.pass(29 * 60_000)
    expect(await get(idle)).toBe(200)
    clock.pass(29 * 60_000)
    expect(await get(idle)).toBe(200)
    clock.pass(31 * 60_000)
    expect(await get(idle)).toBe(401)
    const long = (await owner()).cookie
    for (let minutes = 0; minutes < 12 * 60 - 20; minutes += 20) {
      clock.pass(20 * 60_000)
      expect(await get(long)).toBe(200)
    }
    clock.pass(20 * 60_000)
    expect(await get(long)).toBe(401)
    const out = (await owner()).cookie
    expect((await app.inject({ method: 'DELETE', url: '/api/v1/session', headers: { cookie: out } })).statusCode).toBe(
      204,
    )
    expect(await get(out)).toBe(401)
    const before = (await owner()).cookie
    const other = (await owner()).cookie
    const changed = await app.inject({
      method: 'PATCH',
      url: '/api/v1/users/ada',
      headers: { cookie: before },
      payload: { password: 'another horse battery', currentPassword: password },
    })
    expect(changed.statusCode).toBe(200)
    expect([await get(before), await get(other)]).toEqual([401, 401])
  })
  it('refuse writes that another site sends, logins included', async () => {
    const { cookie } = await owner()
    const write = async (headers: Record<string, string>, url = '/api/v1/roles') =>
      (
        await app.inject({
          method: 'POST',
          url,
          headers: { host: 'patchbay.test', ...headers },
          payload: { id: `r${Math.random()}`, permissions: [] },
        })
      ).json()
    expect((await write({ cookie, origin: 'http://evil.test' })).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ cookie, origin: 'null' })).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ cookie, origin: 'https://patchbay.test' })).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ cookie, 'sec-fetch-site': 'same-site' })).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ cookie, 'sec-fetch-site': 'cross-site' })).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ origin: 'http://evil.test' }, '/api/v1/session')).code).toBe('ORIGIN_FORBIDDEN')
    expect((await write({ cookie, origin: 'http://patchbay.test', 'sec-fetch-site': 'same-origin' })).builtIn).toBe(
      false,
    )
    expect((await write({ ...(await bearer('owner')), origin: 'http://evil.test' })).builtIn).toBe(false)
  })
  it('limit wrong logins by account and address, without locking the right one out', async () => {
    await owner()
    const login = async (user: string, word: string, address = '127.0.0.2') => {
      peer.address = address
      return app.inject({ method: 'POST', url: '/api/v1/session', payload: { user, password: word } })
    }
    for (let n = 0; n < 10; n += 1) expect((await login('ada', 'wrong')).statusCode).toBe(401)
    const refused = await login('ADA', password)
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'LOGIN_RATE'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await login('ada', password, '127.0.0.1')).statusCode).toBe(200)
    for (let n = 0; n < 20; n += 1) expect((await login(`nobody${n}`, 'wrong')).statusCode).toBe(401)
    expect((await login('somebody', 'wrong')).statusCode).toBe(429)
    clock.pass(60_000)
    expect((await login('ada', password)).statusCode).toBe(200)
  })
})

describe('rights', () => {
  it('say which permission is missing', async () => {
    const answer = await app.inject({ url: '/api/v1/closed', headers: await bearer('viewer') })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'AUTH_FORBIDDEN'])
    expect(answer.json().detail).toContain('plugins.write')
  })
  it('of the built-in roles are as described', async () => {
    const writes = ['users.write', 'roles.write', 'keys.write', 'plugins.write', 'system.write']
    const of = async (role?: string): Promise<string[]> =>
      (await app.inject({ url: '/api/v1/session', headers: await bearer(role) })).json().permissions
    const all = await of('owner')
    expect(all).toEqual(permissions)
    expect(await of('viewer')).toEqual(all.filter((permission) => permission.endsWith('.read')))
    expect(await of('operator')).toEqual(
      all.filter(
        (permission) => !writes.includes(permission) && !/^(users|roles|keys|audit|brokers)\./.test(permission),
      ),
    )
    expect(await of()).toEqual([])
  })
  it('end with the key, and a wrong key is refused even where everybody may', async () => {
    const { authorization, id } = await keyOf('viewer')
    expect((await app.inject({ url: '/api/v1/roles', headers: { authorization } })).statusCode).toBe(200)
    await app.inject({ method: 'DELETE', url: `/api/v1/api-keys/${id}`, headers: await bearer('owner') })
    expect((await app.inject({ url: '/api/v1/roles', headers: { authorization } })).json().code).toBe('AUTH_ENDED')
    expect((await app.inject({ url: '/api/v1/setup', headers: { authorization } })).statusCode).toBe(401)
  })
  it('follow a changed role at once, and nobody gives more than he has', async () => {
    const root = await bearer('owner')
    const role = (permissions: string[], headers = root, method: 'POST' | 'PUT' = 'POST') =>
      app.inject({
        method,
        url: method === 'POST' ? '/api/v1/roles' : '/api/v1/roles/hr',
        headers,
        payload: { ...(method === 'POST' ? { id: 'hr' } : {}), permissions },
      })
    expect((await role(['users.*', 'roles.*', 'keys.*'])).statusCode).toBe(201)
    expect((await role(['users.*', 'no.such'], root, 'PUT')).statusCode).toBe(422)
    const hr = await bearer('hr')
    expect((await role(['*'], hr, 'PUT')).json().code).toBe('GRANT_FORBIDDEN')
    const post = (url: string, payload: object) => app.inject({ method: 'POST', url, headers: hr, payload })
    expect((await post('/api/v1/users', { id: 'eve', role: 'owner', password })).statusCode).toBe(403)
    expect((await post('/api/v1/users', { id: 'eve', role: 'nobody', password })).json().code).toBe('ROLE_UNKNOWN')
    expect((await post('/api/v1/users', { id: 'eve', role: 'hr', password })).statusCode).toBe(201)
    expect((await post('/api/v1/api-keys', { name: 'k', role: 'owner' })).statusCode).toBe(403)
    expect((await post('/api/v1/api-keys', { name: 'k', publish: ['#'] })).statusCode).toBe(403)
    await owner()
    const takeOver = await app.inject({
      method: 'PATCH',
      url: '/api/v1/users/ada',
      headers: hr,
      payload: { password: 'I am the owner now' },
    })
    expect(takeOver.json().code).toBe('GRANT_FORBIDDEN')
    expect((await app.inject({ method: 'DELETE', url: '/api/v1/roles/hr', headers: root })).json().code).toBe(
      'ROLE_IN_USE',
    )
    expect((await role(['roles.read'], root, 'PUT')).statusCode).toBe(200)
    expect((await app.inject({ url: '/api/v1/users', headers: hr })).statusCode).toBe(403)
  })
})

describe('users', () => {
  it('are made, changed under If-Match, found whatever the case, and removed', async () => {
    const headers = await bearer('owner')
    const made = await app.inject({
      method: 'POST',
      url: '/api/v1/users',
      headers,
      payload: { id: 'Bob', role: 'viewer', password },
    })
    expect([made.statusCode, made.headers.etag]).toEqual([201, '"1"'])
    expect(made.body).not.toContain('argon2')
    expect(
      (
        await app.inject({
          method: 'POST',
          url: '/api/v1/users',
          headers,
          payload: { id: 'bob', role: 'viewer', password },
        })
      ).statusCode,
    ).toBe(409)
    const patch = (match: string) =>
      app.inject({
        method: 'PATCH',
        url: '/api/v1/users/bob',
        headers: { ...headers, 'if-match': match },
        payload: { name: 'Bobby' },
      })
    expect((await patch('"9"')).json().code).toBe('VERSION_CONFLICT')
    expect((await patch('nine')).statusCode).toBe(400)
    expect((await patch('"1"')).headers.etag).toBe('"2"')
    expect((await app.inject({ url: '/api/v1/users/Bob', headers })).json()).toMatchObject({
      id: 'Bob',
      name: 'Bobby',
      version: 2,
    })
    expect((await app.inject({ method: 'DELETE', url: '/api/v1/users/bob', headers })).statusCode).toBe(204)
    expect((await app.inject({ url: '/api/v1/users/bob', headers })).json().code).toBe('NOT_FOUND')
  })
  it('keep their last owner, even when two are taken away at once', async () => {
    const { cookie } = await owner()
    const remove = (id: string) => app.inject({ method: 'DELETE', url: `/api/v1/users/${id}`, headers: { cookie } })
    const headers = await bearer('owner')
    expect((await remove('ada')).json().code).toBe('LAST_OWNER')
    await app.inject({ method: 'POST', url: '/api/v1/users', headers, payload: { id: 'bob', role: 'owner', password } })
    const answers = await Promise.all(
      ['ada', 'bob'].map((id) =>
        app.inject({ method: 'PATCH', url: `/api/v1/users/${id}`, headers, payload: { role: 'viewer' } }),
      ),
    )
    expect(answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([200, 409])
  })
  it('cannot guess the own password from an open session any quicker than by logging in', async () => {
    const { cookie } = await owner()
    const payload = { password: 'a much longer one', currentPassword: 'another one' }
    const codes: string[] = []
    for (let n = 0; n < 12; n += 1)
      codes.push(
        (await app.inject({ method: 'PATCH', url: '/api/v1/users/ada', headers: { cookie }, payload })).json().code,
      )
    expect(codes.at(0)).toBe('FIELD_INVALID')
    expect(codes.at(-1)).toBe('LOGIN_RATE')
  })
  it('may change the own name and password only', async () => {
    await app.inject({
      method: 'POST',
      url: '/api/v1/users',
      headers: await bearer('owner'),
      payload: { id: 'bob', role: 'viewer', password },
    })
    const login = await app.inject({ method: 'POST', url: '/api/v1/session', payload: { user: 'bob', password } })
    const cookie = String(login.headers['set-cookie']).split(';')[0]!
    const patch = async (payload: object) =>
      (await app.inject({ method: 'PATCH', url: '/api/v1/users/bob', headers: { cookie }, payload })).statusCode
    expect(await patch({ role: 'owner' })).toBe(403)
    expect(await patch({ name: 'Bob' })).toBe(200)
    expect(await patch({ password: 'short', currentPassword: password })).toBe(422)
    // Whoever finds an open session must not make it his own.
    expect(await patch({ password: 'a much longer one' })).toBe(422)
    expect(await patch({ password: 'a much longer one', currentPassword: 'another one' })).toBe(422)
    expect(await patch({ password: 'a much longer one', currentPassword: password })).toBe(200)
    const { items } = (await app.inject({ url: '/api/v1/audit', headers: await bearer('owner') })).json()
    expect(items[0].changes).toEqual({ password: '***', currentPassword: '***' })
  })
})

describe('API keys', () => {
  it('show the key once and page by cursor', async () => {
    const headers = await bearer('owner')
    const made = await app.inject({
      method: 'POST',
      url: '/api/v1/api-keys',
      headers,
      payload: {
        name: 'ci',
        publish: ['devices/+/telemetry'],
        expiresAt: new Date(clock.nowMicros() / 1000 + 86_400_000).toISOString(),
      },
    })
    expect(made.json().key).toMatch(/^pbk_[\w-]{43}$/)
    expect(made.json().apiKey).toMatchObject({ role: 'none', publish: ['devices/+/telemetry'], subscribe: [] })
    const first = (await app.inject({ url: '/api/v1/api-keys?limit=1', headers })).json()
    expect(first.items).toHaveLength(1)
    const second = await app.inject({ url: `/api/v1/api-keys?limit=1&cursor=${first.nextCursor}`, headers })
    expect(second.json()).not.toHaveProperty('nextCursor')
    expect(second.body).not.toContain(made.json().key)
    expect(await people.apiKeys.find(made.json().key)).toMatchObject({ publish: ['devices/+/telemetry'] })
    clock.pass(24 * 60 * 60_000)
    expect(await people.apiKeys.find(made.json().key)).toBe('ended')
    expect((await app.inject({ url: '/api/v1/api-keys?limit=1000', headers })).statusCode).toBe(400)
    expect(
      (
        await app.inject({
          method: 'POST',
          url: '/api/v1/api-keys',
          headers,
          payload: { name: 'ci', publish: ['a/#/b'] },
        })
      ).statusCode,
    ).toBe(422)
  })
  it('follow PATCHBAY_API_KEY', async () => {
    const [one, two] = ['first-value-of-more-than-32-characters', 'second-value-of-more-than-32-characters']
    await people.apiKeys.ensureKey(one)
    await people.apiKeys.ensureKey(one)
    expect(await people.apiKeys.find(one)).toMatchObject({ role: 'owner', publish: ['#'], subscribe: ['#'] })
    await people.apiKeys.ensureKey(two)
    expect(await people.apiKeys.find(one)).toBeUndefined()
    const { items } = await people.apiKeys.list({ limit: 10 })
    const answer = await app.inject({
      method: 'DELETE',
      url: `/api/v1/api-keys/${items[0]!.id}`,
      headers: { authorization: `Bearer ${two}` },
    })
    expect(answer.statusCode).toBe(409)
    await people.apiKeys.ensureKey(undefined)
    expect((await people.apiKeys.list({ limit: 10 })).items).toEqual([])
  })
})

describe('the audit trail', () => {
  it('takes down every write with secrets masked, refused ones and wrong logins too', async () => {
    const { cookie } = await owner()
    await app.inject({ method: 'POST', url: '/api/v1/session', payload: { user: 'ada', password: 'wrong one' } })
    await app.inject({
      method: 'POST',
      url: '/api/v1/users',
      headers: { cookie },
      payload: { id: 'bob', role: 'viewer', password },
    })
    const viewer = await keyOf('viewer')
    await app.inject({
      method: 'POST',
      url: '/api/v1/config',
      headers: { authorization: viewer.authorization },
      payload: { config: { url: 'amqp://me:hidden@host', apiKey: 'x', token: 'y' } },
    })
    await app.inject({
      method: 'POST',
      url: '/api/v1/config',
      headers: { cookie },
      payload: { config: { url: 'amqp://me:hidden@host', apiKey: 'hidden', token: 'hidden', keys: ['a'] } },
    })
    await app.inject({ method: 'POST', url: '/api/v1/config', payload: {} })
    const { items } = (await app.inject({ url: '/api/v1/audit', headers: { cookie } })).json()
    const rows = items.map(({ actor, action, target, outcome, status }: Record<string, unknown>) => [
      actor,
      action,
      target,
      outcome,
      status,
    ])
    expect(rows).toEqual([
      ['user:ada', 'POST /api/v1/config', undefined, 'done', 200],
      [`key:${viewer.id}`, 'POST /api/v1/config', undefined, 'refused', 403],
      ['user:ada', 'POST /api/v1/users', 'bob', 'done', 201],
      ['anonymous', 'POST /api/v1/session', 'ada', 'refused', 401],
      ['user:ada', 'POST /api/v1/session', 'ada', 'done', 200],
    ])
    expect(items[2].changes).toEqual({ id: 'bob', role: 'viewer', password: '***' })
    expect(items[0].changes).toEqual({
      config: { url: 'amqp://me:***@host', apiKey: '***', token: '***', keys: ['a'] },
    })
    expect(JSON.stringify(items)).not.toMatch(/hidden|battery|wrong one/)
    const refused = (await app.inject({ url: '/api/v1/audit?outcome=refused', headers: { cookie } })).json()
    expect(refused.items).toHaveLength(2)
    expect((await app.inject({ url: '/api/v1/audit/verify', headers: { cookie } })).json()).toEqual({
      intact: true,
      checked: 5,
    })
  })
})

describe('an answer', () => {
  it('goes out when its entry in the trail is durable, and all the same when the store takes none', async () => {
    const headers = await bearer('owner')
    const append = registry.append.bind(registry)
    const written = Promise.withResolvers<void>()
    let asked = 0
    registry.append = async (...given) => {
      asked += 1
      await written.promise
      return append(...given)
    }
    let answered = false
    const going = app.inject({ method: 'POST', url: '/api/v1/config', headers }).then((answer) => {
      answered = true
      return answer
    })
    await vi.waitFor(() => expect(asked).toBe(1))
    expect(answered).toBe(false)
    written.resolve()
    expect((await going).statusCode).toBe(200)
    registry.append = append
    registry.failing = () => true
    expect((await app.inject({ method: 'POST', url: '/api/v1/config', payload: {} })).statusCode).toBe(401)
    registry.failing = (_call, collection) => collection === 'audit'
    expect((await app.inject({ method: 'POST', url: '/api/v1/config', headers })).statusCode).toBe(200)
    registry.failing = undefined
  })
})

describe('the description', () => {
  it('has every route under /api/v1, with an operation id and its permission', async () => {
    const answer = await app.inject('/api/v1/openapi.json')
    const spec = answer.json()
    expect(spec.openapi).toBe('3.1.0')
    const operations = Object.entries<Record<string, Record<string, unknown>>>(spec.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ key: `${method.toUpperCase()} ${path}`, operation })),
    )
    const expected = seen
      .filter(({ url, method }) => url.startsWith('/api/v1/') && method !== 'HEAD')
      .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`)
    expect(expected.length).toBeGreaterThan(20)
    expect(new Set(operations.map(({ key }) => key))).toEqual(new Set(expected))
    expect(operations.filter(({ operation }) => !operation['operationId'] || !operation['x-permission'])).toEqual([])
    const ids = operations.map(({ operation }) => operation['operationId'])
    expect(new Set(ids).size).toBe(ids.length)
    expect(seen.filter(({ permission }) => permission === undefined)).toEqual([])
    const schemas = Object.keys(spec.components.schemas)
    expect(schemas).toEqual(expect.arrayContaining(['User', 'Role', 'ApiKey', 'Problem', 'Device']))
    const refs = [...answer.body.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    expect(refs.filter((path) => !schemas.includes(path.replace('#/components/schemas/', '')))).toEqual([])
    expect(answer.body).toContain('application/problem+json')
  })
})
