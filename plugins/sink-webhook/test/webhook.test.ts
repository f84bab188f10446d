import type { Sink, WriteAnswer } from '@patchbay/sdk'
import { makeTestCertificate, sinkContract, startPlugin, toRecords } from '@patchbay/testkit'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { openReceiver, type Receiver } from './receiver.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const secret = `whsec_${Buffer.from('a secret of the test suite: 32 b').toString('base64')}`
const token = 'Bearer a-very-secret-token'
const privateTargets = ['127.0.0.1']

describe.for(['array', 'lines'] as const)('%s', (format) => {
  sinkContract({
    plugin,
    manifest,
    sink: 'webhook',
    target: () =>
      openReceiver({ format, secret, headers: [{ name: 'Authorization', value: token }], gzip: format === 'lines' }),
    options: () => ({ privateTargets }),
    badConfigs: [
      { url: 'ftp://example.org' },
      { url: 'http://169.254.169.254/latest/meta-data' },
      { url: 'http://10.0.0.1/' },
      { url: 'https://user:password@example.org/' },
      { secret: 'whsec_not base64!' },
      { headers: [{ name: 'Webhook-Id', value: 'mine' }] },
    ],
    wrong: [{ config: { url: 'http://127.0.0.1:1/' }, says: /ECONNREFUSED/ }],
    secrets: [secret, token],
    idempotent: false,
    ordered: true,
    front: {
      url: ({ url }) => url,
      tls: 'at once',
      config: ({ host, port, ca }) => ({
        url: `${ca ? 'https' : 'http'}://${host}:${port}/hooks/readings`,
        ...(ca ? { ca } : {}),
      }),
    },
    bad: (good) => ({ ...good, values: { ...good.values, bad: true } }),
  })
})

describe('a batch', () => {
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await openReceiver()
  })
  beforeEach(async () => {
    receiver.answerWith(undefined)
    await receiver.wipe()
  })
  afterAll(() => receiver.close())

  const send = async (
    config: Record<string, unknown> = {},
    targets = privateTargets,
  ): Promise<WriteAnswer | undefined> => {
    const host = await startPlugin(plugin, {
      manifest,
      config: { ...receiver.config(), ...config },
      privateTargets: targets,
    })
    const sink: Sink | undefined = host.sinks.get('webhook')
    const answer = await sink?.write(toRecords({ count: 3 }), { attempt: 1, signal: new AbortController().signal })
    await host.stop()
    return answer
  }

  test('is signed so that a checker of the standard’s authors takes it, with the same id when it comes again', async () => {
    await send({ secret, gzip: true })
    await send({ secret })
    const [first, again] = receiver.calls
    const headers = Object.fromEntries(
      Object.entries(first?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    )
    expect(new Webhook(secret).verify(first?.body ?? '', headers)).toMatchObject([
      { device: 'device-0', at: '2025-11-24T16:00:00.000Z', values: { n: 0 } },
      { device: 'device-1', at: '2025-11-24T16:00:00.001001Z', values: { n: 1 } },
      { values: { n: 2 } },
    ])
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(first?.path).toBe('/hooks/readings?of=all')
  })

  test('may be refused in part, by place', async () => {
    const body = JSON.stringify({
      refused: [{ index: 1, reply: 'too hot' }, { index: 9 }],
      retry: [{ index: 2, reply: 'later' }],
    })
    receiver.answerWith(() => ({ status: 200, body }))
    expect(await send()).toEqual({
      outcome: 'partial',
      refused: [{ index: 1, reply: 'too hot' }],
      retry: [{ index: 2, reply: 'later' }],
    })
  })

  test.for([
    [429, { 'retry-after': '7' }, { outcome: 'retry', reply: '429 no', afterMs: 7000 }],
    [401, {}, { outcome: 'retry', reply: '401 no' }],
    [404, {}, { outcome: 'retry', reply: '404 no' }],
    [307, { location: '/other' }, { outcome: 'retry', reply: '307 redirects are not followed: /other no' }],
    [500, {}, { outcome: 'retry', reply: '500 no' }],
    [413, {}, { outcome: 'refused', reply: '413 no' }],
  ] as const)('answered with %s %o is %o', async ([status, headers, means]) => {
    receiver.answerWith(() => ({ status, headers, body: 'no' }))
    expect(await send()).toEqual(means)
  })

  test('does not reach a closed address behind a name', async () => {
    const { port } = new URL(receiver.url)
    expect(await send({ url: `http://localhost:${port}/` }, ['10.0.0.0/8'])).toMatchObject({
      outcome: 'retry',
      reply: expect.stringContaining('not allowed'),
    })
    expect(receiver.calls).toEqual([])
  })

  test('goes over TLS, to a certificate that is believed only', async () => {
    const tls = await makeTestCertificate(['127.0.0.1'])
    const closed = await openReceiver({}, tls)
    expect(await send({ url: closed.url })).toMatchObject({
      outcome: 'retry',
      reply: expect.stringMatching(/self.signed/),
    })
    expect(await send({ url: closed.url, ca: tls.cert })).toEqual({ outcome: 'delivered' })
    expect(closed.calls).toHaveLength(1)
    await closed.close()
  })
})
