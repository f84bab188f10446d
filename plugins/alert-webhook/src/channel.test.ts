import { alertChannelContract, createHttpRemote, type HttpRemote, startPlugin, toSample } from '@patchbay/testkit'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import plugin from './index.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const secret = `whsec_${Buffer.from('a secret of the test suite: 32 b').toString('base64')}`
const token = 'Bearer a-very-secret-token'
const privateTargets = ['127.0.0.1']

const contract = {
  plugin,
  manifest,
  channel: 'webhook',
  badConfigs: [
    { url: 'ftp://example.org' },
    { url: 'http://169.254.169.254/latest/meta-data' },
    { url: 'https://user:password@example.org/' },
    { secret: 'whsec_not base64!' },
    { headers: [{ name: 'Webhook-Id', value: 'mine' }] },
    { headers: [{ name: 'x-mine', value: 'two\nlines' }] },
    { body: '{{ unfinished' },
    { body: '{{ headline | no_such_filter }}' },
  ],
  remote: {
    open: () => createHttpRemote(),
    config: ({ url }: HttpRemote) => ({ url, secret, headers: [{ name: 'Authorization', value: token }] }),
  },
  secrets: [secret, token],
  busyMs: 7000,
  idsOf: ({ received }: HttpRemote) => received.map(({ headers }) => String(headers['webhook-id'])),
}

describe.for(['host', 'worker', 'process'] as const)('at %s level', (isolation) => {
  // They are judged by the same code at each level: one goes the way there and back.
  const badConfigs = isolation === 'host' ? contract.badConfigs : contract.badConfigs.slice(0, 1)
  alertChannelContract({ ...contract, badConfigs, isolation })
})

describe('what is posted', () => {
  let remote: HttpRemote
  beforeEach(async () => {
    remote = await createHttpRemote()
  })
  afterEach(() => remote.close())

  const send = async (config: Record<string, unknown>, targets = privateTargets) => {
    const host = await startPlugin(plugin, {
      manifest,
      config: { url: remote.url, ...config },
      privateTargets: targets,
    })
    try {
      return await host.alertChannels.get('webhook')?.deliver(toSample('n-1'), {
        attempt: 1,
        signal: new AbortController().signal,
      })
    } finally {
      await host.stop()
    }
  }

  test('is signed so that a checker of the standard’s authors takes it, and no other body', async () => {
    await send({ secret, headers: [{ name: 'X-Mine', value: 'yes' }] })
    const [call] = remote.received
    const headers = Object.fromEntries(
      Object.entries(call?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    )
    expect(headers).toMatchObject({ 'x-mine': 'yes', 'content-type': 'application/json', 'webhook-id': 'n-1' })
    expect(new Webhook(secret).verify(call?.body ?? '', headers)).toEqual({
      type: 'alert.raised',
      timestamp: '2026-11-24T12:00:00.000Z',
      data: toSample('n-1'),
    })
    expect(() => new Webhook(secret).verify(`${call?.body} `, headers)).toThrow('No matching signature')
  })

  test('is not signed without a secret', async () => {
    await send({})
    expect(remote.received[0]?.headers).not.toHaveProperty('webhook-signature')
    expect(remote.received[0]?.headers).toHaveProperty('webhook-id', 'n-1')
  })

  test('is the template’s, with what a device sent as text inside JSON', async () => {
    const body = '{"who": "{{ device.name }}", "value": {{ alert.value | json | raw }}, "text": "{{ headline }}"}'
    expect(await send({ body })).toMatchObject({ outcome: 'delivered' })
    expect(JSON.parse(remote.received[0]?.body ?? '')).toEqual({
      who: '<!channel> *Boiler* "1" {{ x }}',
      value: { temperature: 91.5 },
      text: 'CRITICAL: Too hot (<!channel> *Boiler* "1" {{ x }} (boiler-1))',
    })
    expect(await send({ body: '{"value": {{ device.name }} }' })).toMatchObject({ outcome: 'refused' })
    expect(await send({ body: '{{ device.id }}', contentType: 'text/plain' })).toMatchObject({ outcome: 'delivered' })
    expect(remote.received.at(-1)).toMatchObject({ body: 'boiler-1', headers: { 'content-type': 'text/plain' } })
  })

  test('does not reach a closed address, by number, name or redirect', async () => {
    for (const url of [remote.url, `http://localhost:${remote.port}`, `http://[::ffff:127.0.0.1]:${remote.port}`]) {
      const answer = await send({ url }, ['10.0.0.0/8']).catch((error: unknown) => ({ error }))
      expect(JSON.stringify(answer ?? {})).not.toContain('delivered')
    }
    expect(remote.calls).toBe(0)
    const inside = await createHttpRemote()
    remote.answerWith((_call, response) => response.writeHead(307, { location: inside.url }).end())
    expect(await send({})).toMatchObject({ outcome: 'refused', reply: expect.stringContaining('307') })
    expect(inside.calls).toBe(0)
    await inside.close()
  })
})
