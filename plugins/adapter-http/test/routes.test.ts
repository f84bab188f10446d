import { once } from 'node:events'
import { Agent, request as send, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Connection, Refused, setPeer } from '@patchbay/sdk'
import { createRoutes } from '../src/routes.ts'
import { createSessionCache } from '../src/session-cache.ts'
import { everyReason, FakeSessions } from './fake-sessions.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

describe('adapter-http', () => {
  let app: FastifyInstance
  let sessions: FakeSessions
  let stop: AbortController
  let cache: ReturnType<typeof createSessionCache>
  let port: number
  let peer: Partial<Connection>
  const logged: string[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const basic = (id: string, secret = `secret-of-${id.replaceAll(':', '')}`) =>
    `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

  beforeEach(async () => {
    sessions = new FakeSessions()
    stop = new AbortController()
    cache = createSessionCache()
    logged.length = 0
    const note = (text: string) => void logged.push(text)
    app = Fastify()
    // The host does this before a plugin sees a request.
    app.addHook('onRequest', async ({ raw }) =>
      setPeer(raw, { socket: raw.socket, address: '127.0.0.1', encrypted: false, listener: 'main', ...peer }),
    )
    peer = {}
    await app.register(
      createRoutes({
        config: { maxBodyKib: 256, maxWaitSeconds: 60 },
        sessions,
        cache,
        log: { debug: note, info: note, warn: note, error: note },
        signal: stop.signal,
      }),
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    const address = app.server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    port = address.port
  })
  afterEach(async () => {
    stop.abort()
    app.server.closeAllConnections()
    await app.close()
  })

  function ask(
    method: string,
    path: string,
    more: { body?: Uint8Array | string; headers?: Record<string, string>; agent?: Agent } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: basic('boiler-1'), ...more.headers }
      const outgoing = send(
        { port, host: '127.0.0.1', method, path, headers, ...(more.agent ? { agent: more.agent } : {}) },
        (response) => {
          let text = ''
          response.on('data', (chunk) => (text += String(chunk)))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
        },
      )
      outgoing.on('error', reject)
      outgoing.end(more.body)
    })
  }
  const post = (path: string, body: Uint8Array | string = '1', headers: Record<string, string> = {}) =>
    ask('POST', path, { body, headers })
  const codeOf = (answer: Answer): unknown => {
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    const problem: { status: number; code: string; detail: string; title: string; requestId: string; type: string } =
      JSON.parse(answer.text)
    expect(problem.status).toBe(answer.status)
    expect(problem.detail && problem.title && problem.requestId).toBeTruthy()
    expect(problem.type.endsWith(`#${problem.code}`)).toBe(true)
    return problem.code
  }

  describe('publish', () => {
    test('answers 204 when the message is durable', async () => {
      const answer = await post('/v1/devices/boiler-1/telemetry', '{"temperature":21.5}')
      expect(answer).toMatchObject({ status: 204, text: '' })
      expect(sessions.published).toEqual([
        {
          who: 'boiler-1',
          topic: 'devices/boiler-1/telemetry',
          bytes: Buffer.from('{"temperature":21.5}'),
          how: { qos: 1 },
        },
      ])
      expect(sessions.opened).toMatchObject([
        { protocol: 'http', address: '127.0.0.1', encrypted: false, request: true },
      ])
    })

    test.each([
      ['application/json', 'application/json'],
      ['application/cbor', 'application/cbor'],
      ['Application/CBOR; a=b', 'application/cbor'],
      ['text/plain; charset=utf-8', 'text/plain'],
      ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded'],
    ])('a body of type %s arrives as bytes, with its type', async (given, told) => {
      const body = Buffer.from([0xa1, 0x61, 0x74, 0xf9, 0x4d, 0x60, 0, 255])
      expect((await post('/v1/devices/boiler-1/telemetry', body, { 'content-type': given })).status).toBe(204)
      expect(sessions.published[0]).toMatchObject({ bytes: body, how: { contentType: told } })
    })

    test('an empty body is an empty message', async () => {
      expect((await post('/v1/devices/boiler-1/heartbeat', '')).status).toBe(204)
      expect(sessions.published[0]?.bytes).toHaveLength(0)
    })

    test('Idempotency-Key and retain are passed on', async () => {
      await post('/v1/devices/boiler-1/x?retain=true', '1', { 'idempotency-key': 'k-1' })
      expect(sessions.published[0]?.how).toEqual({ qos: 1, retain: true, idempotencyKey: 'k-1' })
      const long = await post('/v1/devices/boiler-1/x', '1', { 'idempotency-key': 'k'.repeat(256) })
      expect([long.status, codeOf(long)]).toEqual([400, 'HTTP_IDEMPOTENCY_KEY'])
      expect(sessions.refused).toEqual([
        { code: 'HTTP_IDEMPOTENCY_KEY', device: 'boiler-1', topic: 'devices/boiler-1/x' },
      ])
    })

    test.each([
      ['devices/boiler-1/a%20b', 'devices/boiler-1/a b'],
      ['devices/boiler-1/%C3%A4', 'devices/boiler-1/ä'],
      ['devices/boiler-1/%2525', 'devices/boiler-1/%25'],
      ['devices/boiler-1/%2e%2e', 'devices/boiler-1/..'],
      ['devices/boiler-1/../boiler-2/x', 'devices/boiler-1/../boiler-2/x'],
      ['devices/boiler-1//x/', 'devices/boiler-1//x/'],
      ['devices/boiler-1/__proto__', 'devices/boiler-1/__proto__'],
      ['devices/boiler-1/a?b=c', 'devices/boiler-1/a'],
      [`devices/boiler-1/${'a'.repeat(400)}`, `devices/boiler-1/${'a'.repeat(400)}`],
    ])('the path %s is the topic %s', async (path, topic) => {
      expect((await post(`/v1/${path}`)).status).toBe(204)
      expect(sessions.published[0]?.topic).toBe(topic)
    })

    test.each([
      ['', 400],
      ['devices/boiler-1/%00', 400],
      ['devices/boiler-1/%2f', 400],
      ['devices%2fboiler-1%2Ftelemetry', 400],
      ['devices/boiler-1/%', 400],
      ['devices/boiler-1/%zz', 400],
      ['devices/boiler-1/%ff', 400],
      ['devices/boiler-1/%ed%a0%80', 400],
      ['devices/boiler-1/+', 400],
      ['devices/%23', 400],
      ['devices/boiler-1/%2B', 400],
      [`devices/boiler-1${'/x'.repeat(31)}`, 400],
      [`devices/boiler-1/${'a'.repeat(600)}`, 400],
      ['devices/boiler-2/telemetry', 403],
      ['devices/boiler-1%2e/telemetry', 403],
      ['provision', 403],
    ])('the path %j is refused with %i', async (path, status) => {
      expect((await post(`/v1/${path}`)).status).toBe(status)
      expect(sessions.published).toEqual([])
    })
  })

  test('a device with a provisioning key is answered, and the answer is kept by nobody', async () => {
    const authorization = basic('provision', 'provisioning-key')
    const answer = await post('/v1/provision', '{"deviceId":"new"}', { authorization })
    expect(answer).toMatchObject({ status: 200, text: '{"device":{"id":"new"}}' })
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    expect(sessions.published).toMatchObject([{ topic: 'provision/request', bytes: Buffer.from('{"deviceId":"new"}') }])
    sessions.refuseWith = new Refused('quota', 'PROVISION_QUOTA', 'provisioning', 'Used up.')
    expect((await post('/v1/provision', '{}', { authorization })).status).toBe(429)
  })

  describe('bodies', () => {
    const topic = '/v1/devices/boiler-1/telemetry'
    const gzip = { 'content-encoding': 'gzip' }

    test('gzip is undone', async () => {
      expect((await post(topic, gzipSync('{"t":1}'), { 'content-encoding': 'GZIP' })).status).toBe(204)
      expect(String(sessions.published[0]?.bytes)).toBe('{"t":1}')
      expect((await post(topic, gzipSync(Buffer.alloc(262_144)), gzip)).status).toBe(204)
    })

    test('a bomb is 413 and never unpacked beyond the limit', async () => {
      const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024))
      const before = process.memoryUsage().rss
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(topic, bomb, gzip)))
      expect(answers.map((answer) => [answer.status, codeOf(answer)])).toEqual(
        Array.from({ length: 8 }, () => [413, 'HTTP_BODY_TOO_LARGE']),
      )
      expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(64)
      expect(sessions.refused[0]).toEqual({
        code: 'HTTP_BODY_TOO_LARGE',
        device: 'boiler-1',
        topic: 'devices/boiler-1/telemetry',
      })
    })

    test.each([
      ['nonsense', Buffer.from('hello')],
      ['a cut stream', gzipSync('hello hello').subarray(0, 15)],
      ['nothing', Buffer.from(' ')],
    ])('%s that says gzip is 400', async (_name, body) => {
      const answer = await post(topic, body, gzip)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'HTTP_BODY_ENCODING'])
    })

    test.each(['br', 'deflate', 'gzip, gzip', 'zstd'])('content-encoding %s is 415', async (encoding) => {
      const answer = await post(topic, brotliCompressSync('1'), { 'content-encoding': encoding })
      expect([answer.status, answer.headers['accept-encoding']]).toEqual([415, 'gzip'])
      codeOf(answer)
    })

    test('256 KiB go, one more byte does not', async () => {
      expect((await post(topic, Buffer.alloc(262_144))).status).toBe(204)
      const answer = await post(topic, Buffer.alloc(262_145))
      expect([answer.status, codeOf(answer)]).toEqual([413, 'HTTP_BODY_TOO_LARGE'])
    })

    test('an announced giant is refused before it is sent', async () => {
      const client = connect(port, '127.0.0.1')
      client.write(
        `POST ${topic} HTTP/1.1\r\nhost: a\r\nauthorization: ${basic('boiler-1')}\r\ncontent-length: 9007199254740991\r\n\r\n`,
      )
      expect(String((await once(client, 'data'))[0])).toContain('413')
      client.destroy()
    })

    test('who cannot prove itself makes nothing be unpacked', async () => {
      const answer = await post(topic, Buffer.from('not gzip'), { ...gzip, authorization: basic('boiler-1', 'wrong') })
      expect(answer.status).toBe(401)
    })
  })

  describe('credentials', () => {
    test.each([
      ['Basic', basic('boiler-1'), 204],
      ['Basic in lower case', basic('boiler-1').replace('Basic', 'basic'), 204],
      ['a wrong secret', basic('boiler-1', 'wrong'), 401],
      ['no colon', `Basic ${Buffer.from('boiler-1').toString('base64')}`, 401],
      ['no base64', 'Basic !!!', 401],
      ['Bearer', 'Bearer secret-of-boiler-1', 204],
      ['a wrong Bearer', 'Bearer x', 401],
      ['another scheme', 'Digest username="boiler-1"', 401],
      ['an empty header', '', 401],
      ['an API key', basic('key', 'api-key'), 204],
      ['a wrong API key', basic('key', 'api-kez'), 401],
      ['a revoked device', basic('banned'), 403],
    ])('%s', async (_name, authorization, status) => {
      const answer = await post('/v1/devices/boiler-1/telemetry', '1', { authorization })
      expect(answer.status).toBe(status)
      if (status !== 204) codeOf(answer)
      const challenge = status === 401 ? 'Basic realm="patchbay", charset="UTF-8", Bearer realm="patchbay"' : undefined
      expect(answer.headers['www-authenticate']).toBe(challenge)
      // Core records what core refuses.
      expect(sessions.refused).toEqual([])
    })

    test('a client certificate names the device; a header comes before it', async () => {
      peer = { encrypted: true, certificate: { deviceId: 'cert-1', fingerprint: 'f' } }
      const plain = () =>
        new Promise<number | undefined>((resolve) => {
          const path = '/v1/devices/cert-1/telemetry'
          send({ port, host: '127.0.0.1', method: 'POST', path }, (response) => resolve(response.statusCode)).end('1')
        })
      expect(await plain()).toBe(204)
      expect(sessions.opened[0]).toMatchObject({
        encrypted: true,
        credentials: { kind: 'certificate', fingerprint: 'f' },
      })
      expect((await post('/v1/devices/cert-1/telemetry')).status).toBe(403)
    })

    test('the last colon splits, so that ids may hold colons', async () => {
      expect((await post('/v1/devices/em:0/telemetry', '1', { authorization: basic('em:0') })).status).toBe(204)
    })

    test('a kept-alive client proves itself once, another one on the same connection for itself', async () => {
      const kept = new Agent({ keepAlive: true, maxSockets: 1 })
      const one = (id: string) =>
        ask('POST', `/v1/devices/${id}/telemetry`, { agent: kept, headers: { authorization: basic(id) }, body: '1' })
      for (const id of ['a', 'a', 'a']) expect((await one(id)).status).toBe(204)
      expect(sessions.opened).toHaveLength(1)
      expect((await one('b')).status).toBe(204)
      expect(sessions.published.map((message) => message.who)).toEqual(['a', 'a', 'a', 'b'])
      expect([sessions.opened.length, sessions.closed]).toEqual([2, 1])
      kept.destroy()
      await vi.waitFor(() => expect(sessions.closed).toBe(2))
    })

    test('an ended session is not used again', async () => {
      const kept = new Agent({ keepAlive: true, maxSockets: 1 })
      const one = () => ask('POST', '/v1/devices/boiler-1/x', { agent: kept, body: '1' })
      await one()
      sessions.enders[0]?.('revoked')
      await one()
      expect(sessions.opened).toHaveLength(2)
      kept.destroy()
    })

    test('a refused login is not kept', async () => {
      const kept = new Agent({ keepAlive: true, maxSockets: 1 })
      const headers = { authorization: basic('boiler-1', 'wrong') }
      for (let at = 0; at < 2; at++) {
        expect((await ask('POST', '/v1/devices/boiler-1/x', { agent: kept, headers })).status).toBe(401)
      }
      expect(sessions.opened).toHaveLength(2)
      kept.destroy()
    })

    test('stopping closes what is kept and leaves no listeners on the sockets', async () => {
      const kept = new Agent({ keepAlive: true, maxSockets: 1 })
      const one = () => ask('POST', '/v1/devices/boiler-1/x', { agent: kept, body: '1' })
      const counts: number[] = []
      app.server.on('request', (request) => counts.push(request.socket.listenerCount('close')))
      for (let at = 0; at < 5; at++) {
        await one()
        cache.close()
      }
      expect(sessions.closed).toBe(5)
      expect(new Set(counts.slice(1)).size).toBe(1)
      kept.destroy()
    })
  })

  describe('refusals', () => {
    const words = { credentials: 401, banned: 403, forbidden: 403, malformed: 400, invalid: 422, quota: 429 } as const
    test.each(everyReason)('%s has its HTTP word', async (reason) => {
      const expected: Record<string, number> = { ...words, 'too-large': 413, unavailable: 503 }
      sessions.refuseWith = new Refused(reason, 'SOME_CODE', 'step', 'Because.')
      const answer = await post('/v1/devices/boiler-1/telemetry')
      expect([answer.status, codeOf(answer)]).toEqual([expected[reason], 'SOME_CODE'])
      expect(answer.headers['retry-after'] !== undefined).toBe(answer.status === 429 || answer.status === 503)
      expect(sessions.refused).toEqual([])
    })

    test('a fault says nothing of itself, and is logged', async () => {
      sessions.refuseWith = new Error('at /secret/place')
      const answer = await post('/v1/devices/boiler-1/telemetry')
      expect([answer.status, codeOf(answer)]).toEqual([500, 'INTERNAL'])
      expect(answer.text).not.toContain('secret')
      expect(logged).toEqual(['a request failed'])
    })
  })

  describe('commands', () => {
    const path = '/v1/devices/boiler-1/commands'

    test('those that wait are answered at once', async () => {
      sessions.commands = [
        { id: 'c1', name: 'open', params: { valve: 2 } },
        { id: 'c2', name: 'stop' },
      ]
      const answer = await ask('GET', `${path}?wait=30`)
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toContain('application/json')
      expect(JSON.parse(answer.text)).toEqual([
        { id: 'c1', name: 'open', params: { valve: 2 } },
        { id: 'c2', name: 'stop' },
      ])
      expect(sessions.polls[0]?.waitMs).toBe(30_000)
      expect(sessions.authorized).toEqual(['subscribe devices/boiler-1/commands/+'])
    })

    test('none is 204 and a sign of life', async () => {
      expect(await ask('GET', path)).toMatchObject({ status: 204, text: '' })
      expect(sessions.alive).toBe(1)
      expect(sessions.polls[0]?.waitMs).toBe(0)
    })

    test.each(['61', '-1', '1.5', 'x', '', '99999999'])('wait=%s is 422', async (wait) => {
      const answer = await ask('GET', `${path}?wait=${wait}`)
      expect([answer.status, codeOf(answer)]).toEqual([422, 'HTTP_WAIT'])
    })

    test('a client that goes ends the wait', async () => {
      const client = connect(port, '127.0.0.1')
      client.write(`GET ${path}?wait=60 HTTP/1.1\r\nhost: a\r\nauthorization: ${basic('boiler-1')}\r\n\r\n`)
      await vi.waitFor(() => expect(sessions.polls).toHaveLength(1))
      client.destroy()
      await vi.waitFor(() => expect(sessions.polls[0]?.signal.aborted).toBe(true))
      await vi.waitFor(() => expect(sessions.closed).toBe(1))
      expect(logged).toEqual([])
    })

    test('a stop of the plugin ends the wait with 503', async () => {
      const answer = ask('GET', `${path}?wait=60`)
      await vi.waitFor(() => expect(sessions.polls).toHaveLength(1))
      stop.abort()
      expect((await answer).status).toBe(503)
      expect((await answer).headers['retry-after']).toBe('5')
    })

    test('the fifth poll of one device is 429, others wait on', async () => {
      const waiting = Array.from({ length: 4 }, () => ask('GET', `${path}?wait=60`))
      await vi.waitFor(() => expect(sessions.polls).toHaveLength(4))
      const fifth = await ask('GET', `${path}?wait=60`)
      expect([fifth.status, codeOf(fifth)]).toEqual([429, 'HTTP_POLLS'])
      expect((await ask('GET', '/v1/devices/b/commands', { headers: { authorization: basic('b') } })).status).toBe(204)
      stop.abort()
      expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual([503, 503, 503, 503])
    })

    test('another device’s are 403; so is an application', async () => {
      const answer = await ask('GET', '/v1/devices/boiler-2/commands')
      expect([answer.status, codeOf(answer)]).toEqual([403, 'TOPIC_FORBIDDEN'])
      const app1 = await ask('GET', path, { headers: { authorization: basic('key', 'api-key') } })
      expect([app1.status, codeOf(app1)]).toEqual([403, 'HTTP_NOT_A_DEVICE'])
      expect(sessions.polls).toEqual([])
    })

    test('HEAD takes no commands', async () => {
      sessions.commands = [{ id: 'c1', name: 'open' }]
      expect((await ask('HEAD', path)).status).toBe(404)
      expect(sessions.commands).toHaveLength(1)
    })
  })

  describe('desired shadow', () => {
    test('is the delta and its version', async () => {
      const answer = await ask('GET', '/v1/devices/boiler-1/shadow/desired')
      expect(JSON.parse(answer.text)).toEqual({ delta: { led: 'on' }, version: 3 })
      expect(sessions.authorized).toEqual(['subscribe devices/boiler-1/shadow/desired'])
    })
    test.each([
      ['/v1/devices/boiler-2/shadow/desired', 403],
      ['/v1/devices/boiler-1/shadow/reported', 404],
      ['/v1/devices/boiler-1/shadow/desired/x', 404],
      ['/v1/devices/boiler-1/commands/c1', 404],
      ['/v1/devices//commands', 404],
      ['/v1/devices/+/commands', 403],
      ['/v1/', 404],
    ])('GET %s is %i', async (path, status) => {
      const answer = await ask('GET', path)
      expect(answer.status).toBe(status)
      codeOf(answer)
    })
  })

  test('requests that come together on one connection are all answered, in order', async () => {
    const client = connect(port, '127.0.0.1')
    const one = (at: number) =>
      `POST /v1/devices/boiler-1/t${at} HTTP/1.1\r\nhost: a\r\nauthorization: ${basic('boiler-1')}\r\ncontent-length: 1\r\n\r\n${at}`
    client.write([1, 2, 3, 4].map(one).join(''))
    let text = ''
    client.on('data', (chunk) => (text += String(chunk)))
    await vi.waitFor(() => expect(text.match(/204 No Content/g)).toHaveLength(4))
    expect(sessions.published.map((message) => message.topic.at(-1))).toEqual(['1', '2', '3', '4'])
    expect(sessions.opened).toHaveLength(1)
    client.destroy()
  })

  test('what a kept-alive POST costs', async () => {
    const count = 2000
    const from = performance.now()
    for (let at = 0; at < count; at++) await ask('POST', '/v1/devices/boiler-1/telemetry', { agent, body: '{"t":1}' })
    console.log(
      `${Math.round((count / (performance.now() - from)) * 1000)} POST/s, one after another on one connection`,
    )
    expect(sessions.opened).toHaveLength(1)
    agent.destroy()
  })
})
