import { createHmac } from 'node:crypto'
import type { AccessProvider } from '@patchbay/sdk'
import { accessProviderContract, createHttpRemote, startPlugin } from '@patchbay/testkit'
import * as fc from 'fast-check'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import plugin from './index.ts'
import { rereadMs } from './key-set.ts'
import { createTokens } from './tokens.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)
const secret = 'a secret of the suite, 32 bytes!'
const bytes = new TextEncoder().encode(secret)
const issuer = 'https://id.example.org'
const nowSeconds = Math.floor(Date.now() / 1000)
const exp = nowSeconds + 3600
const who = (username: string, password: string) => ({ username, password, protocol: 'mqtt', address: '::1' })

const es = await generateKeyPair('ES256', { extractable: true })
const rs = await generateKeyPair('RS256', { extractable: true })
const stranger = await generateKeyPair('ES256', { extractable: true })
const pem = { es: await exportSPKI(es.publicKey), rs: await exportSPKI(rs.publicKey) }

const good: JWTPayload = { sub: 'd-1', iss: issuer, aud: 'patchbay', exp }
const hs = (payload: JWTPayload) => new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(bytes)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** Any header over any payload, with an HMAC of any key. */
const forge = (header: object, payload: object, key: string | Buffer = secret, hash = 'sha256') => {
  const text = `${part(header)}.${part(payload)}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}

const values = {
  algorithm: 'HS256',
  secret,
  issuer,
  audience: 'patchbay',
  deviceClaim: 'sub',
  rightsClaim: 'rights',
  clockSkewSeconds: 10,
  jwksSeconds: 600,
} as const
const tokens = createTokens(values, bytes)
const enter = (password: string, username = 'd-1') => tokens.connect(who(username, password))

accessProviderContract({
  plugin,
  options: { manifest, config: values },
  provider: 'jwt',
  badConfig: { ...values, secret: 'short' },
  connect: [
    { who: who('d-1', await hs(good)), answer: { answer: 'allow', endsAtMicros: exp * 1_000_000 } },
    { who: who('d-2', await hs(good)), answer: 'deny' },
    { who: who('d-1', 'a password'), answer: undefined },
  ],
})

describe('a token', () => {
  test('gives the rights of its claim until it ends, and names its device', async () => {
    const token = await hs({ ...good, rights: { publish: ['plant/#'], subscribe: ['plant/+/state'] } })
    expect(await enter(token)).toEqual({
      answer: 'allow',
      endsAtMicros: exp * 1_000_000,
      publish: ['plant/#'],
      subscribe: ['plant/+/state'],
    })
    expect(tokens.deviceOf(token)).toBe('d-1')
    expect(tokens.deviceOf('nothing')).toBeUndefined()
  })

  test('may hold the device in another claim, and a list of audiences', async () => {
    const by = createTokens({ ...values, deviceClaim: 'https://example.org/device' }, bytes)
    const token = await hs({ ...good, sub: 'user', aud: ['x', 'patchbay'], 'https://example.org/device': 'd-9' })
    expect(by.deviceOf(token)).toBe('d-9')
    expect(await by.connect(who('d-9', token))).toMatchObject({ answer: 'allow' })
    expect(await by.connect(who('user', token))).toBe('deny')
  })

  test('is left to others when it is of another issuer, or none at all', async () => {
    expect(await enter(await hs({ ...good, iss: 'https://other.example.org' }))).toBeUndefined()
    for (const text of [
      '',
      'x',
      'a.b',
      'a.b.c',
      '..',
      'aa.bb.cc',
      'x'.repeat(5000),
      `${'aa.'.repeat(2)}${'a'.repeat(5000)}`,
    ])
      expect(await enter(text)).toBeUndefined()
  })

  test('lets the issuer’s clock be off by the skew and no more', async () => {
    const at = (more: JWTPayload) => hs({ ...good, ...more })
    expect(await enter(await at({ nbf: nowSeconds + 5 }))).toMatchObject({ answer: 'allow' })
    expect(await enter(await at({ nbf: nowSeconds + 30 }))).toBe('deny')
    expect(await enter(await at({ iat: nowSeconds + 30 }))).toBe('deny')
    expect(await enter(await at({ exp: nowSeconds - 30 }))).toBe('deny')
    const late = await enter(await at({ exp: nowSeconds - 4 }))
    expect(late).toMatchObject({ answer: 'allow', endsAtMicros: (nowSeconds + 6) * 1_000_000 })
  })
})

describe('attacks: each is denied', () => {
  const h = { alg: 'HS256', typ: 'JWT' }
  const corpus: [string, string][] = [
    ['alg none', `${part({ alg: 'none' })}.${part(good)}.`],
    ['alg None', `${part({ alg: 'None' })}.${part(good)}.`],
    ['alg none with a signature', forge({ alg: 'none' }, good)],
    ['no alg', forge({ typ: 'JWT' }, good)],
    ['alg as a list', forge({ alg: ['HS256'] }, good)],
    ['another HMAC', forge({ alg: 'HS512' }, good, secret, 'sha512')],
    ['an empty key', forge(h, good, '')],
    ['another key', forge(h, good, 'another secret of 32 bytes at all')],
    ['no signature', `${part(h)}.${part(good)}.`],
    ['a cut signature', forge(h, good).slice(0, -2)],
    ['a longer signature', `${forge(h, good)}AA`],
    [
      'its own key in the header',
      forge({ ...h, jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } }, good, 'mine'),
    ],
    ['a key address in the header', forge({ ...h, jku: 'http://127.0.0.1:1/keys' }, good, 'mine')],
    ['a path as key id', forge({ ...h, kid: '../../../../dev/null' }, good, '')],
    ['an unknown critical header', forge({ ...h, crit: ['x'], x: 1 }, good)],
    ['an unencoded payload', forge({ ...h, b64: false, crit: ['b64'] }, good)],
    ['no exp', forge(h, { ...good, exp: undefined })],
    ['exp as text', forge(h, { ...good, exp: String(exp) })],
    ['exp in milliseconds of the past', forge(h, { ...good, exp: 0 })],
    ['exp negative', forge(h, { ...good, exp: -exp })],
    ['no device', forge(h, { ...good, sub: undefined })],
    ['the device as a list', forge(h, { ...good, sub: ['d-1'] })],
    ['another device', forge(h, { ...good, sub: 'd-2' })],
    ['another audience', forge(h, { ...good, aud: 'other' })],
    ['no audience', forge(h, { ...good, aud: undefined })],
    ['rights as text', forge(h, { ...good, rights: '#' })],
    ['rights as lists of numbers', forge(h, { ...good, rights: { publish: [1] } })],
    ['101 rights', forge(h, { ...good, rights: { publish: Array(101).fill('a') } })],
  ]
  test.each(corpus)('%s', async (_, token) => {
    const answer = await enter(token)
    // Without a readable payload of our issuer it is no token of ours: the registry then finds no such secret.
    expect([undefined, 'deny']).toContain(answer)
    if (token.split('.')[1] === part(good)) expect(answer).toBe('deny')
  })

  test(`a token of ours with any character changed (seed ${seed})`, async () => {
    const token = await hs(good)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_', '.', '='),
        async (at, letter) => {
          fc.pre(token[at] !== letter)
          const changed = token.slice(0, at) + letter + token.slice(at + 1)
          // The last character of the signature holds two bits that no byte is made of.
          fc.pre(
            !Buffer.from(changed.split('.')[2] ?? '', 'base64url').equals(
              Buffer.from(token.split('.')[2] ?? '', 'base64url'),
            ) || at < token.lastIndexOf('.'),
          )
          expect([undefined, 'deny']).toContain(await enter(changed))
        },
      ),
      { seed, numRuns: 500 },
    )
  })

  test('a public key used as an HMAC secret, by PEM in every form', async () => {
    for (const [algorithm, key, text] of [
      ['RS256', rs.publicKey, pem.rs],
      ['ES256', es.publicKey, pem.es],
    ] as const) {
      const by = createTokens({ ...values, algorithm }, key)
      for (const form of [text, text.trim(), `${text.trim()}\n`, text.replaceAll('\n', '\r\n')])
        expect(await by.connect(who('d-1', forge(h, good, form)))).toBe('deny')
      expect(await by.connect(who('d-1', await hs(good)))).toBe('deny')
    }
  })

  test('a good signature of the other asymmetric algorithm, or of a stranger', async () => {
    const by = createTokens({ ...values, algorithm: 'ES256' }, es.publicKey)
    const sign = (alg: string, key: CryptoKey) => new SignJWT(good).setProtectedHeader({ alg }).sign(key)
    expect(await by.connect(who('d-1', await sign('ES256', es.privateKey)))).toMatchObject({ answer: 'allow' })
    expect(await by.connect(who('d-1', await sign('ES256', stranger.privateKey)))).toBe('deny')
    expect(await by.connect(who('d-1', await sign('RS256', rs.privateKey)))).toBe('deny')
    expect(
      await by.connect(who('d-1', `${part({ alg: 'ES256' })}.${part(good)}.${Buffer.alloc(64).toString('base64url')}`)),
    ).toBe('deny')
  })
})

test('keys and algorithms that do not belong together are refused as configuration', async () => {
  const wrong: object[] = [
    { algorithm: 'HS256' },
    { algorithm: 'HS256', secret, publicKey: pem.rs },
    { algorithm: 'RS256', secret },
    { algorithm: 'RS256' },
    { algorithm: 'RS256', publicKey: pem.es },
    { algorithm: 'ES256', publicKey: 'nonsense' },
    { algorithm: 'ES256', publicKey: pem.es, jwksUrl: 'https://id.example.org/keys' },
    { algorithm: 'ES256', jwksUrl: 'http://169.254.169.254/keys' },
    { algorithm: 'none' },
  ]
  for (const config of wrong) {
    const state = await startPlugin(plugin, { manifest, config }).then(
      async (host) => {
        await host.stop()
        return host.status.state
      },
      () => 'needs-config',
    )
    expect([state, config]).not.toEqual(['running', config])
  }
})

describe('a key set', () => {
  let first: Record<string, unknown>
  let second: Record<string, unknown>
  beforeAll(async () => {
    first = { ...(await exportJWK(es.publicKey)), kid: 'one', alg: 'ES256' }
    second = { ...(await exportJWK(stranger.publicKey)), kid: 'two', alg: 'ES256' }
  })
  const sign = (key: CryptoKey, kid: string) => new SignJWT(good).setProtectedHeader({ alg: 'ES256', kid }).sign(key)
  const config = { ...values, secret: undefined, algorithm: 'ES256' }

  const withSet = async (
    answer: (status: { body: string; status: number }) => void,
    work: (provider: AccessProvider, calls: () => number) => Promise<void>,
  ) => {
    const remote = await createHttpRemote()
    const now = { body: '', status: 200 }
    answer(now)
    remote.answerWith((_, response) => void response.writeHead(now.status).end(now.body))
    const host = await startPlugin(plugin, {
      manifest,
      config: { ...config, jwksUrl: `${remote.url}/keys` },
      privateTargets: ['127.0.0.1'],
    })
    try {
      const provider = host.accessProviders.get('jwt')
      if (!provider) throw new TypeError(host.status.state)
      await work(provider, () => remote.calls)
    } finally {
      await host.stop()
      await remote.close()
    }
  }

  test('is read once for many logins', async () => {
    await withSet(
      (now) => (now.body = JSON.stringify({ keys: [first] })),
      async (provider, calls) => {
        const token = await sign(es.privateKey, 'one')
        const answers = await Promise.all(Array.from({ length: 50 }, () => provider.connect?.(who('d-1', token))))
        expect(answers.every((each) => typeof each === 'object')).toBe(true)
        expect(calls()).toBe(1)
        // Made-up key ids do not make it read again at once.
        for (let i = 0; i < 20; i++)
          expect(await provider.connect?.(who('d-1', await sign(stranger.privateKey, `k${i}`)))).toBe('deny')
        expect(calls()).toBe(1)
      },
    )
  })

  test('that cannot be read, or is none, gives no answer, which denies', async () => {
    const bad = [
      '',
      '[]',
      '{}',
      '{"keys":{}}',
      '{"keys":[1]}',
      'x'.repeat(100_000),
      JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) }),
    ]
    for (const body of bad) {
      await withSet(
        (now) => (now.body = body),
        async (provider) => {
          await expect(provider.connect?.(who('d-1', await sign(es.privateKey, 'one')))).rejects.toThrow(/key set/i)
          // Those who have no token are not held up by it.
          expect(await provider.connect?.(who('d-1', 'password'))).toBeUndefined()
        },
      )
    }
  })

  test('with a secret in it does not make HMAC tokens good', async () => {
    const k = Buffer.from(secret).toString('base64url')
    await withSet(
      (now) => (now.body = JSON.stringify({ keys: [{ kty: 'oct', k, kid: 'one', alg: 'HS256' }] })),
      async (provider) => {
        expect(await provider.connect?.(who('d-1', forge({ alg: 'HS256', kid: 'one' }, good)))).toBe('deny')
        expect(await provider.connect?.(who('d-1', await sign(es.privateKey, 'one')))).toBe('deny')
      },
    )
  })

  test('is read again for a new key after a while, follows rotation and outlives a short outage', async () => {
    const { createKeySet } = await import('./key-set.ts')
    const remote = await createHttpRemote()
    let nowMs = 0
    let keys = [first]
    let status = 200
    remote.answerWith((_, response) => void response.writeHead(status).end(JSON.stringify({ keys })))
    const set = createKeySet({
      url: remote.url,
      keepMs: 600_000,
      privateTargets: ['127.0.0.1'],
      signal: new AbortController().signal,
      nowMs: () => nowMs,
    })
    const by = createTokens({ ...values, algorithm: 'ES256' }, set)
    const one = await sign(es.privateKey, 'one')
    const two = await sign(stranger.privateKey, 'two')
    expect(await by.connect(who('d-1', one))).toMatchObject({ answer: 'allow' })
    keys = [second]
    expect(await by.connect(who('d-1', two))).toBe('deny')
    nowMs += rereadMs
    expect(await by.connect(who('d-1', two))).toMatchObject({ answer: 'allow' })
    // The issuer has withdrawn the first key.
    expect(await by.connect(who('d-1', one))).toBe('deny')
    status = 500
    nowMs += 600_000
    expect(await by.connect(who('d-1', two))).toMatchObject({ answer: 'allow' })
    nowMs += 3_600_000
    await expect(by.connect(who('d-1', two))).rejects.toThrow(/500/)
    await remote.close()
  })
})
