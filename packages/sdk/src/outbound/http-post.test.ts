import type { LookupAddress } from 'node:dns'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Resolve } from './guarded-lookup.ts'
import { maxReadBytes, post, type OutboundRequest } from './http-post.ts'

let server: Server
let port: number
let connections = 0

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      switch (request.url) {
        case '/redirect':
          return response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` }).end()
        case '/endless': {
          response.writeHead(200)
          const more = (): void => {
            while (response.writable && response.write('x'.repeat(64 * 1024)));
            response.once('drain', more)
          }
          response.on('error', () => undefined)
          return more()
        }
        case '/hang':
          return
        case '/drip':
          return response.writeHead(200).write('half')
        default:
          return response.end(`${request.method} ${request.headers.host} ${request.headers['x-mine'] ?? ''}`)
      }
    })
  })
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const call = (url: string, more: Partial<OutboundRequest> = {}) =>
  post({ url, body: '{}', privateTargets: [], signal: new AbortController().signal, ...more })
const open = ['127.0.0.1']
/** A name server that answers otherwise each time. */
const resolveTo = (...answers: readonly (readonly string[])[]): { resolve: Resolve; calls: number } => {
  const server = {
    calls: 0,
    resolve(_name: string, _options: unknown, done: (error: null, addresses: LookupAddress[]) => void) {
      const answer = answers[Math.min(server.calls, answers.length - 1)] ?? []
      server.calls += 1
      done(
        null,
        answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    },
  }
  return server
}

describe('a closed address is refused before a byte is sent', () => {
  const spellings = (at: number): string[] => [
    `http://127.0.0.1:${at}/`,
    `http://127.1:${at}/`,
    `http://2130706433:${at}/`,
    `http://0x7f000001:${at}/`,
    `http://0x7f.0.0.1:${at}/`,
    `http://0177.0.0.1:${at}/`,
    `http://017700000001:${at}/`,
    `http://127.0.0.1.:${at}/`,
    `http://127.0.0.01:${at}/`,
    `http://0:${at}/`,
    `http://0.0.0.0:${at}/`,
    `http://１２７.0.0.1:${at}/`,
    `http://127。0。0。1:${at}/`,
    `http://%31%32%37.0.0.1:${at}/`,
    `http://[::1]:${at}/`,
    `http://[::]:${at}/`,
    `http://[0:0:0:0:0:0:0:1]:${at}/`,
    `http://[::ffff:127.0.0.1]:${at}/`,
    `http://[::ffff:7f00:1]:${at}/`,
    `http://[::127.0.0.1]:${at}/`,
    `http://[64:ff9b::127.0.0.1]:${at}/`,
    `http://[2002:7f00:1::]:${at}/`,
    `http://localhost:${at}/`,
    `http://LOCALHOST:${at}/`,
    `http://localhost.:${at}/`,
    `http:127.0.0.1:${at}/`,
    `http:\\\\127.0.0.1:${at}/`,
    `http://user@127.0.0.1:${at}/`,
    `http://example.org@127.0.0.1:${at}/`,
    `http://169.254.169.254/latest/meta-data/`,
    `http://[fd00:ec2::254]/`,
    `http://2852039166/`,
    `file:///etc/passwd`,
    `gopher://127.0.0.1:${at}/`,
    `//127.0.0.1:${at}/`,
    '',
  ]
  test('in every spelling', async () => {
    const before = connections
    for (const url of spellings(port)) {
      const outcome = await call(url).then(
        () => 'answered',
        (error: Error) => error.name,
      )
      // A name that this machine cannot look up is as good a refusal.
      expect([url, outcome]).toEqual([url, expect.stringMatching(/TargetForbidden|Unreachable/)])
    }
    expect(connections).toBe(before)
  })

  test('the spellings do lead there when the address is open', async () => {
    const reached: string[] = []
    for (const url of spellings(port).slice(0, 9))
      await call(url, { privateTargets: open }).then(
        () => reached.push(url),
        () => undefined,
      )
    expect(reached).toHaveLength(9)
  })

  test('a name with one closed address among public ones', async () => {
    const names = resolveTo(['1.1.1.1', '127.0.0.1'])
    const before = connections
    await expect(call(`http://mixed.test:${port}/`, { resolve: names.resolve })).rejects.toMatchObject({
      name: 'TargetForbidden',
      message: expect.stringContaining('mixed.test'),
    })
    expect(connections).toBe(before)
  })

  test('a name that answers otherwise the second time is looked up once, and what was checked is called', async () => {
    // Closed at first, open later: refused. Open at first, elsewhere later: the first one is called.
    let names = resolveTo(['10.0.0.1'], ['127.0.0.1'])
    await expect(call(`http://rebind.test:${port}/`, { resolve: names.resolve, privateTargets: open })).rejects.toThrow(
      'not allowed',
    )
    names = resolveTo(['127.0.0.1'], ['10.0.0.1'])
    const answer = await call(`http://rebind.test:${port}/`, { resolve: names.resolve, privateTargets: open })
    expect([answer.body, names.calls]).toEqual([`POST rebind.test:${port} `, 1])
  })
})

describe('an answer', () => {
  test('comes with headers of the caller’s own', async () => {
    const answer = await call(`http://127.0.0.1:${port}/`, { privateTargets: open, headers: { 'x-mine': 'yes' } })
    expect(answer).toMatchObject({ status: 200, body: `POST 127.0.0.1:${port} yes` })
  })

  test('that redirects is an answer, not followed', async () => {
    const before = connections
    expect(await call(`http://127.0.0.1:${port}/redirect`, { privateTargets: open })).toMatchObject({ status: 302 })
    expect(connections).toBe(before + 1)
  })

  test('without an end is read up to the limit', async () => {
    const { body } = await call(`http://127.0.0.1:${port}/endless`, { privateTargets: open })
    expect(body).toHaveLength(maxReadBytes)
  })

  test.for(['/hang', '/drip'])('that does not come or end is given up in time: %s', async (path) => {
    await expect(
      call(`http://127.0.0.1:${port}${path}`, { privateTargets: open, timeoutMs: 100 }),
    ).rejects.toMatchObject({ name: 'Unreachable', message: 'No answer within 100 ms.' })
  })

  test('is not waited for when the signal aborts', async () => {
    await expect(
      call(`http://127.0.0.1:${port}/hang`, { privateTargets: open, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: 'Unreachable', message: expect.stringContaining('given up') })
  })

  test('names the network’s error', async () => {
    await expect(call('http://127.0.0.1:1/', { privateTargets: open })).rejects.toThrow(/refused .*ECONNREFUSED/)
  })

  test('is not asked for with more than fits', async () => {
    await expect(
      call(`http://127.0.0.1:${port}/`, { privateTargets: open, body: 'x'.repeat(1024 * 1024 + 1) }),
    ).rejects.toThrow('is the limit')
  })
})
