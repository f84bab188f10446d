import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { type CoapClientBuild, isInstalled, runCoapClient, startCoapClient } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'

let server: InProcess
let api: Api
let key: string

const newKey = async (overlapSeconds = 0): Promise<string> => {
  const answer = await api.post('/api/v1/devices/coaps-1/credentials', { kind: 'psk', overlapSeconds })
  expect(answer.body).toMatchObject({ credential: { kind: 'psk' }, preSharedKey: { identity: 'coaps-1' } })
  return answer.body.preSharedKey.key
}
beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
  await createDevice(api, 'coaps-1')
  key = await newKey()
})
afterAll(() => server.close())

const uri = (path: string) => `coaps://127.0.0.1:${server.port}/${path}`
const telemetry = 'devices/coaps-1/telemetry'
const latest = async (name: string) => (await api.get('/api/v1/devices/coaps-1/latest')).body[name]?.value

describe.each<CoapClientBuild>(['gnutls', 'openssl'])(
  'libcoap’s client on the one port, over DTLS (coap-client-%s)',
  (build) => {
    const here = isInstalled(`coap-client-${build}`)
    const run = (args: string[], psk = key, withinMs = 15_000) =>
      runCoapClient(build, ['-u', 'coaps-1', '-k', psk, ...args], withinMs)

    test.skipIf(!here)('publishes with the pre-shared key as its only credential, also in blocks', async () => {
      expect(await run(['-m', 'post', '-e', `{"${build}": 4.5}`, uri(telemetry)])).not.toMatch(/[45]\.\d\d/)
      expect(await latest(build)).toBe(4.5)
      const large = `{"${build}-large": "${'x'.repeat(3000)}"}`
      expect(await run(['-m', 'post', '-b', '64', '-e', large, uri(telemetry)])).not.toMatch(/[45]\.\d\d/)
      expect(await latest(`${build}-large`)).toHaveLength(3000)
    })

    test.skipIf(!here)('may nothing that its device may not', async () => {
      expect(await run(['-m', 'post', '-e', '1', uri('devices/other/telemetry')])).toMatch(/^4\.03 TOPIC_FORBIDDEN/)
    })

    test.skipIf(!here)('with another key it has no session, and the refusal is listed', async () => {
      await run(['-m', 'post', '-B', '2', '-e', `{"${build}-wrong": 1}`, uri(telemetry)], 'another-key', 5_000)
      expect(await latest(`${build}-wrong`)).toBeUndefined()
      const { items } = (await api.get('/api/v1/refusals?limit=10')).body
      expect(items).toContainEqual(
        expect.objectContaining({ protocol: 'coap', action: 'connect', code: 'CREDENTIALS_WRONG', device: 'coaps-1' }),
      )
    })

    test.skipIf(!here)('observes commands; they are delivered when they are acknowledged', async () => {
      const observer = startCoapClient(
        build,
        ['-u', 'coaps-1', '-k', key, '-s', '60', '-w', uri('devices/coaps-1/commands')],
        60_000,
      )
      try {
        await vi.waitFor(() => expect(observer.output()).toContain('[]'), 10_000)
        const { id } = (await api.post('/api/v1/devices/coaps-1/commands', { name: build })).body
        await vi.waitFor(() => expect(observer.output()).toContain(`[{"id":"${id}","name":"${build}"}]`))
        await vi.waitFor(async () =>
          expect((await api.get(`/api/v1/devices/coaps-1/commands/${id}`)).body.state).toBe('delivered'),
        )
      } finally {
        observer.stop()
        await observer.done
      }
    })
  },
)

/** openssl's own client: answers what it says of the session it got. */
const sClient = async (cipher: string): Promise<string> => {
  const hex = Buffer.from(key).toString('hex')
  const child = spawn(
    'openssl',
    [
      's_client',
      '-dtls1_2',
      '-connect',
      `127.0.0.1:${server.port}`,
      '-psk_identity',
      'coaps-1',
      '-psk',
      hex,
      '-cipher',
      cipher,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let text = ''
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (/Extended master secret|no peer certificate available[^]*---\n/.test(text)) child.stdin.end()
  })
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  clearTimeout(timer)
  return text
}

describe.skipIf(!isInstalled('openssl'))('openssl s_client', () => {
  test.each([['PSK-AES128-GCM-SHA256'], ['PSK-AES128-CCM8']])('agrees on %s', async (cipher) => {
    const text = await sClient(cipher)
    expect(text).toMatch(new RegExp(`Cipher is ${cipher}`))
    expect(text).toMatch(/Extended master secret: yes/)
  })

  test('is refused without a suite of ours', async () => {
    expect(await sClient('PSK-AES256-GCM-SHA384')).toMatch(/alert handshake failure/)
  })
})

describe.skipIf(!isInstalled('coap-client-openssl'))('a key that is replaced (coap-client-openssl)', () => {
  const post = (psk: string, name: string) =>
    runCoapClient(
      'openssl',
      ['-u', 'coaps-1', '-k', psk, '-B', '2', '-m', 'post', '-e', `{"${name}": 1}`, uri(telemetry)],
      5_000,
    )

  test('is good for its overlap, and not after that', async () => {
    const old = key
    key = await newKey(60)
    await Promise.all([post(old, 'overlapping'), post(key, 'replaced')])
    expect([await latest('overlapping'), await latest('replaced')]).toEqual([1, 1])
    key = await newKey()
    await post(old, 'ended')
    await post(key, 'newest')
    expect([await latest('ended'), await latest('newest')]).toEqual([undefined, 1])
  })

  test('is kept encrypted and shown to nobody again', async () => {
    const listed = JSON.stringify((await api.get('/api/v1/devices/coaps-1/credentials')).body)
    expect(listed).toContain('"kind":"psk"')
    expect(listed).not.toContain(key)
    const { items } = await server.platform.stores.registry.list('credentials', { prefix: 'coaps-1/', limit: 50 })
    expect(JSON.stringify(items)).not.toContain(key)
  })
})
