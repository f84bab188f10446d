import {
  accessProviderContract,
  createHttpRemote,
  type HttpCall,
  type HttpRemote,
  startPlugin,
} from '@patchbay/testkit'
import type { AccessProvider } from '@patchbay/sdk'
import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { maxTimeoutMs } from './config.ts'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const privateTargets = ['127.0.0.1']
const token = 'Bearer a-very-secret-token'
const who = { username: 'd', password: 'p', protocol: 'mqtt', address: '::1' }
const question = { device: 'd', action: 'publish', topic: 'plant/1' } as const

const json = (response: ServerResponse, body: unknown, status = 200) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

/** A service as a reader of the page would write it. */
const serve = (call: HttpCall, response: ServerResponse) => {
  const { username, password, topic } = JSON.parse(call.body)
  if (call.path === '/login')
    json(response, { result: username === 'other' ? 'ignore' : password === 'good' ? 'allow' : 'deny' })
  else json(response, { result: topic.startsWith('plant/') ? 'allow' : topic === 'secret' ? 'deny' : 'ignore' })
}

let served: HttpRemote
const urls = { loginUrl: '', topicUrl: '' }
beforeAll(async () => {
  served = await createHttpRemote()
  served.answerWith(serve)
  Object.assign(urls, { loginUrl: `${served.url}/login`, topicUrl: `${served.url}/topic` })
})
afterAll(() => served.close())

accessProviderContract({
  plugin,
  options: { manifest, config: urls, privateTargets },
  provider: 'http',
  badConfig: {},
  connect: [
    { who: { ...who, password: 'good' }, answer: 'allow' },
    { who, answer: 'deny' },
    { who: { ...who, username: 'other' }, answer: undefined },
  ],
  decide: [
    { question, answer: 'allow' },
    { question: { ...question, topic: 'secret' }, answer: 'deny' },
    { question: { ...question, topic: 'a/b' }, answer: undefined },
  ],
})

describe('a service', () => {
  let remote: HttpRemote
  beforeEach(async () => {
    remote = await createHttpRemote()
  })
  afterEach(() => remote.close())

  const withProvider = async <T>(
    config: object,
    work: (provider: AccessProvider) => Promise<T>,
    targets = privateTargets,
  ) => {
    const all = { loginUrl: `${remote.url}/login`, topicUrl: `${remote.url}/topic`, keepSeconds: 0, ...config }
    const host = await startPlugin(plugin, { manifest, config: all, privateTargets: targets })
    try {
      const provider = host.accessProviders.get('http')
      if (!provider) throw new TypeError(`The plugin is ${host.status.state}.`)
      const result = await work(provider)
      expect(host.log.text()).not.toContain(token)
      return { result, status: host.status }
    } finally {
      await host.stop()
    }
  }
  const login = (provider: AccessProvider) => provider.connect?.(who) ?? Promise.reject(new Error('no connect'))

  test('is asked with the admin’s headers and exactly what is documented', async () => {
    remote.answerWith((_, response) => json(response, { result: 'allow' }))
    await withProvider({ headers: [{ name: 'Authorization', value: token }] }, async (provider) => {
      await login(provider)
      await provider.decide?.(question)
    })
    expect(remote.received.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual([
      ['POST', '/login', who],
      ['POST', '/topic', { username: 'd', action: 'publish', topic: 'plant/1' }],
    ])
    expect(remote.received.map(({ headers }) => headers.authorization)).toEqual([token, token])
  })

  test('gives a login an end and filters of its own', async () => {
    remote.answerWith((_, response) =>
      json(response, { result: 'allow', expiresAt: 2_000_000_000.5, publish: ['a/#'], subscribe: ['b/+'], more: 1 }),
    )
    const { result } = await withProvider({}, login)
    expect(result).toEqual({
      answer: 'allow',
      endsAtMicros: 2_000_000_000_500_000,
      publish: ['a/#'],
      subscribe: ['b/+'],
    })
  })

  test.each([401, 403])('denies by %s', async (status) => {
    remote.answerWith((_, response) => void response.writeHead(status).end())
    const { result } = await withProvider({}, login)
    expect(result).toBe('deny')
  })

  const hostile: [string, (call: HttpCall, response: ServerResponse) => void, RegExp][] = [
    ['500', (_, response) => json(response, { result: 'allow' }, 500), /500/],
    ['204', (_, response) => void response.writeHead(204).end(), /204/],
    ['no JSON', (_, response) => void response.end('allow'), /JSON/],
    ['half of it', (_, response) => void response.end('{"result":"allow"'), /JSON/],
    ['another word', (_, response) => json(response, { result: 'yes' }), /result/],
    ['a list', (_, response) => json(response, [{ result: 'allow' }]), /result/],
    ['null', (_, response) => json(response, null), /result/],
    ['a prototype', (_, response) => void response.end('{"__proto__":{"result":"allow"}}'), /result/],
    ['an endless number', (_, response) => void response.end('{"result":"allow","expiresAt":1e999}'), /result/],
    ['101 filters', (_, response) => json(response, { result: 'allow', publish: Array(101).fill('a') }), /result/],
    [
      'a huge body that would be good',
      (_, response) => void response.end(`${' '.repeat(5_000_000)}{"result":"allow"}`),
      /JSON/,
    ],
    [
      'a body without end',
      (_, response) => {
        response.writeHead(200)
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        }
        response.on('drain', more).on('error', () => undefined)
        more()
      },
      /JSON/,
    ],
    [
      'a redirect to a closed address',
      (_, response) => void response.writeHead(307, { location: 'http://169.254.169.254/' }).end(),
      /307/,
    ],
    ['a cut connection', (_, response) => void response.socket?.destroy(), /cut/],
  ]
  test.each(hostile)('that answers %s gives no answer, and is shown', async (_, answer, why) => {
    remote.answerWith(answer)
    const { result, status } = await withProvider({}, async (provider) => {
      await expect(login(provider)).rejects.toThrow(why)
      await expect(provider.decide?.(question)).rejects.toThrow(why)
    })
    expect(result).toBeUndefined()
    expect(status).toMatchObject({ state: 'degraded' })
    expect(remote.calls).toBe(2)
  })

  test('that is slow is given up within its time, also when it trickles', async () => {
    for (const answer of [
      () => undefined,
      (_: HttpCall, response: ServerResponse) => {
        response.writeHead(200).write('{"result":')
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
    ]) {
      remote.answerWith(answer)
      const startedMs = performance.now()
      await withProvider({ timeoutMs: 200 }, async (provider) => {
        await expect(login(provider)).rejects.toThrow(/200 ms/)
      })
      expect(performance.now() - startedMs).toBeLessThan(maxTimeoutMs)
    }
  })

  test('at a closed address is refused, by number when saved and by name when asked', async () => {
    await expect(withProvider({}, login, [])).rejects.toThrow('needs-config')
    const named = { loginUrl: `http://localhost:${new URL(remote.url).port}/login`, topicUrl: undefined }
    await withProvider(
      named,
      async (provider) => {
        await expect(login(provider)).rejects.toThrow(/not allowed/)
      },
      [],
    )
    expect(remote.calls).toBe(0)
  })

  test('is not asked again about a login that it allowed, but each time about one that it denied', async () => {
    let result = 'allow'
    remote.answerWith((_, response) => json(response, { result }))
    await withProvider({ keepSeconds: 60 }, async (provider) => {
      for (let i = 0; i < 3; i++) expect(await login(provider)).toBe('allow')
      expect(remote.calls).toBe(1)
      await provider.connect?.({ ...who, password: 'q' })
      await provider.connect?.({ ...who, address: '::2' })
      expect(remote.calls).toBe(3)
      result = 'deny'
      const denied = { ...who, username: 'e' }
      for (let i = 0; i < 2; i++) expect(await provider.connect?.(denied)).toBe('deny')
      expect(remote.calls).toBe(5)
    })
  })

  test('has no say where it has no address', async () => {
    await withProvider({ topicUrl: undefined }, async (provider) => {
      expect(provider.decide).toBeUndefined()
    })
  })
})
