import type { Credentials, Peer } from '@patchbay/contracts/session'
import { createHash, randomBytes } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createProviders } from '../access/provider-chain.ts'
import { createAuthenticator } from './authenticator.ts'
import { maxCachedDevices } from './device-cache.ts'
import { createDevices } from './directory.ts'
import {
  createLoginLimiter,
  maxRefusedPerAddress,
  maxRefusedPerDevice,
  refusedWindowMs,
  toNetwork,
} from './login-limiter.ts'
import type { DeviceEvent } from './port.ts'
import type { Sealing } from './pre-shared-keys.ts'
import { createDeviceTypes } from './types.ts'

const reversed = (text: string) => text.split('').toReversed().join('')
const reversing: Sealing = { seal: reversed, open: reversed }

async function start() {
  const registry = createMemoryRegistry()
  const clock = createFakeClock()
  const hearers: ((event: DeviceEvent) => void)[] = []
  const hear = (event: DeviceEvent) => hearers.forEach((hearer) => hearer(event))
  const types = createDeviceTypes({ registry, clock, hear })
  await types.load()
  const statusOf = () => ({ status: 'never' as const })
  const devices = createDevices({ registry, clock, randomBytes, hear, types, statusOf, sealing: reversing })
  const providers = createProviders({ clock })
  const errors: unknown[] = []
  const authenticator = createAuthenticator({
    registry,
    clock,
    types,
    providers,
    limiter: createLoginLimiter({ clock }),
    permitsPlain: (address) => address.startsWith('127.'),
    findApiKey: async (secret) =>
      secret === 'old'
        ? 'ended'
        : secret === 'app'
          ? { id: 'k1', publish: ['a'], subscribe: ['#'] }
          : secret === 'app2'
            ? { id: 'a'.repeat(24), publish: [], subscribe: [] }
            : undefined,
    provisioning: {
      keyPrefix: 'pbp_',
      find: async (secret) =>
        secret === 'pbp_old' ? { ended: 'It has expired.' } : secret === 'pbp_good' ? { id: 'p1' } : undefined,
    },
    failed: (error) => errors.push(error),
  })
  hearers.push((event) => authenticator.follow(event))
  const peer = (credentials: Credentials, more: Partial<Peer> = {}): Peer => ({
    protocol: 'mqtt',
    address: '127.0.0.1',
    encrypted: false,
    credentials,
    ...more,
  })
  const login = (username: string, password: string, more: Partial<Peer> = {}) =>
    authenticator.authenticate(peer({ kind: 'password', username, password }, more))
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'ok',
      (error: { code: string }) => error.code,
    )
  return { registry, clock, devices, types, providers, authenticator, peer, login, codeOf, hearers, errors }
}

it('lets a device in by password or bearer secret, with what it is', async () => {
  const { devices, types, login, authenticator, peer } = await start()
  await types.create({ id: 'boiler', heartbeatSeconds: 9 })
  const { credentials } = await devices.create({ id: 'a', type: 'boiler', tags: ['x'] })
  const [credential] = await devices.listCredentials('a')
  const proof = await login('a', credentials.password)
  expect(proof).toMatchObject({
    subject: { kind: 'device', id: 'a', type: 'boiler', tags: ['x'] },
    device: { id: 'a' },
    type: { heartbeatSeconds: 9 },
    credential: credential?.id,
  })
  const secret = credentials.password
  expect(await authenticator.authenticate(peer({ kind: 'bearer', secret }))).toEqual(proof)
  expect(await authenticator.authenticate(peer({ kind: 'bearer', secret, username: 'a' }))).toEqual(proof)
  expect((await login('a', secret)).subject).toBe(proof.subject)
  expect(authenticator.holds(proof)).toBe(true)
})

it('tells wrong, unknown, ended and missing apart, in reasons that give nothing away', async () => {
  const { devices, login, codeOf, authenticator, peer } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  await expect(login('a', 'no')).rejects.toMatchObject({ code: 'CREDENTIALS_WRONG', reason: 'credentials' })
  await expect(login('b', 'no')).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN', reason: 'credentials' })
  await expect(login('a/b', 'no')).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
  await expect(login('', credentials.password)).rejects.toMatchObject({ code: 'CREDENTIALS_WRONG' })
  expect(await codeOf(authenticator.authenticate(peer({ kind: 'none' })))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(authenticator.authenticate(peer({ kind: 'bearer', secret: 'x' })))).toBe('CREDENTIALS_WRONG')
  await devices.rotate('a')
  await expect(login('a', credentials.password)).rejects.toMatchObject({ code: 'CREDENTIALS_ENDED', reason: 'banned' })
  await devices.remove('a')
  expect(await codeOf(login('a', credentials.password))).toBe('DEVICE_UNKNOWN')
})

it('refuses plain text before it looks at credentials', async () => {
  const { devices, login, codeOf, registry } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  const calls = new Map(registry.calls)
  const far = { address: '192.0.2.1' }
  await expect(login('a', credentials.password, far)).rejects.toMatchObject({
    code: 'PLAIN_FORBIDDEN',
    reason: 'banned',
  })
  expect(registry.calls).toEqual(calls)
  expect(await codeOf(login('a', credentials.password, { ...far, encrypted: true }))).toBe('ok')
})

it('lets applications in with an API key', async () => {
  const { login, codeOf, authenticator, peer } = await start()
  const proof = await login('key', 'app')
  expect(proof).toEqual({
    subject: { kind: 'application', id: 'k1', publish: ['a'], subscribe: ['#'] },
    credential: 'k1',
  })
  expect(await authenticator.authenticate(peer({ kind: 'bearer', secret: 'app' }))).toEqual(proof)
  expect(await codeOf(login('key', 'no'))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(login('key', 'old'))).toBe('CREDENTIALS_ENDED')
})

it('knows certificates only when they are listed', async () => {
  const { devices, registry, codeOf, authenticator, peer } = await start()
  await devices.create({ id: 'a' })
  const hash = createHash('sha256').update('certificate').digest('hex')
  const fingerprint = (hash.toUpperCase().match(/../g) ?? []).join(':')
  const come = () => codeOf(authenticator.authenticate(peer({ kind: 'certificate', deviceId: 'a', fingerprint })))
  expect(await come()).toBe('CERTIFICATE_UNKNOWN')
  await registry.put('credentials', 'a/cert', { device: 'a', kind: 'certificate', hash, createdAt: '' }, 'new')
  expect(await come()).toBe('ok')
  expect(
    await codeOf(authenticator.authenticate(peer({ kind: 'certificate', deviceId: 'a', fingerprint: 'zz' }))),
  ).toBe('CERTIFICATE_UNKNOWN')
})

it('tells what is wrong with a certificate, and counts strangers’ as guesses', async () => {
  const { devices, registry, codeOf, authenticator, peer, clock } = await start()
  await devices.create({ id: 'a' })
  const come = (more: object) =>
    codeOf(
      authenticator.authenticate(peer({ kind: 'certificate', fingerprint: 'ab'.repeat(32), ...more } as Credentials)),
    )
  expect(await come({ problem: 'expired', claimedId: 'a' })).toBe('CERTIFICATE_EXPIRED')
  expect(await come({ problem: 'early', claimedId: 'a' })).toBe('CERTIFICATE_EARLY')
  const kept = { device: 'a', kind: 'certificate', hash: 'ab'.repeat(32), createdAt: '' }
  await registry.put('credentials', 'a/cert', { ...kept, revoked: true }, 'any')
  expect(await come({ deviceId: 'a' })).toBe('CERTIFICATE_REVOKED')
  const endsMs = clock.nowMicros() / 1000 + 1000
  await registry.put('credentials', 'a/cert', { ...kept, expiresAt: new Date(endsMs).toISOString() }, 'any')
  expect(await come({ deviceId: 'a' })).toBe('ok')
  clock.pass(1000)
  expect(await come({ deviceId: 'a' })).toBe('CERTIFICATE_EXPIRED')
  expect(await come({ problem: 'nameless' })).toBe('CERTIFICATE_NAMELESS')
  expect(await come({ deviceId: 'nobody' })).toBe('DEVICE_UNKNOWN')
  for (let i = 0; i < maxRefusedPerDevice; i++) {
    expect(await come({ problem: 'foreign', claimedId: 'b' })).toBe('CERTIFICATE_FOREIGN')
  }
  expect(await come({ problem: 'foreign', claimedId: 'b' })).toBe('LOGIN_RATE')
})

it('reads nothing for a device it knows, and everything again after a change', async () => {
  const { devices, login, registry, clock } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  await login('a', credentials.password)
  await vi.waitFor(() => expect(registry.calls.get('put credentials')).toBe(2))
  const calls = new Map(registry.calls)
  for (let i = 0; i < 100; i++) await login('a', credentials.password)
  expect(registry.calls).toEqual(calls)
  await devices.patch('a', { tags: ['new'] })
  expect((await login('a', credentials.password)).subject).toMatchObject({ tags: ['new'] })
  const second = await devices.rotate('a', 60)
  expect((await login('a', second.credentials.password)).credential).toBe(second.credential.id)
  await login('a', credentials.password)
  clock.pass(60_000)
  await expect(login('a', credentials.password)).rejects.toMatchObject({ code: 'CREDENTIALS_ENDED' })
})

it('notes the last use once an hour, and never revives what was revoked', async () => {
  const { devices, login, clock, registry } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  await login('a', credentials.password)
  const lastUse = async () => (await devices.listCredentials('a'))[0]?.lastUsedAt
  const now = () => new Date(clock.nowMicros() / 1000).toISOString()
  const first = now()
  await vi.waitFor(async () => expect(await lastUse()).toBe(first))
  clock.pass(3_599_000)
  await login('a', credentials.password)
  expect(await lastUse()).toBe(first)
  clock.pass(1000)
  await login('a', credentials.password)
  await vi.waitFor(async () => expect(await lastUse()).toBe(now()))
  clock.pass(3_600_000)
  const [credential] = await devices.listCredentials('a')
  await Promise.all([login('a', credentials.password), devices.removeCredential('a', credential?.id ?? '')])
  await expect(login('a', credentials.password)).rejects.toMatchObject({ code: 'CREDENTIALS_ENDED' })
  expect((await registry.get('credentials', `a/${credential?.id}`))?.body['revoked']).toBe(true)
})

it('does not let in whoever was revoked while it was being looked up', async () => {
  const { devices, login, codeOf, providers } = await start()
  for (let turns = 0; turns < 30; turns++) {
    const id = `d${turns}`
    const { credentials } = await devices.create({ id })
    const coming = codeOf(login(id, credentials.password))
    for (let wait = 0; wait < turns; wait++) await Promise.resolve()
    const revoked = devices.rotate(id)
    const first = await Promise.race([coming, revoked.then(() => 'revoked')])
    expect(first !== 'revoked' || (await coming) === 'CREDENTIALS_ENDED').toBe(true)
    await revoked
  }
  const { credentials } = await devices.create({ id: 'slow' })
  const asked = Promise.withResolvers<undefined>()
  providers.add({ name: 'p', connect: () => asked.promise }, 1)
  const coming = codeOf(login('slow', credentials.password))
  await vi.waitFor(() => expect(providers.state()).toHaveLength(1))
  await devices.rotate('slow')
  asked.resolve(undefined)
  expect(await coming).toBe('CREDENTIALS_ENDED')
})

it('says that a proof holds no longer once it was revoked', async () => {
  const { devices, login, authenticator } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  const proof = await login('a', credentials.password)
  await devices.rotate('a')
  expect(authenticator.holds(proof)).toBe(false)
})

it('lets providers deny anyone and vouch for registered devices only', async () => {
  const { devices, login, codeOf, providers } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  const asked: string[] = []
  const connect = async ({ username, password }: { username: string; password: string }) => {
    asked.push(username)
    return password === 'ldap' ? ('allow' as const) : username === 'bad' ? ('deny' as const) : undefined
  }
  providers.add({ name: 'ldap', connect }, 1)
  await devices.create({ id: 'bad' })
  expect(await login('a', 'ldap')).toMatchObject({ credential: 'provider:ldap', subject: { id: 'a' } })
  expect(await codeOf(login('nobody', 'ldap'))).toBe('DEVICE_UNKNOWN')
  await expect(login('bad', 'x')).rejects.toMatchObject({ code: 'PROVIDER_DENIED', rule: 'ldap', reason: 'banned' })
  expect(await codeOf(login('a', credentials.password))).toBe('ok')
  expect(await codeOf(login('a', 'wrong'))).toBe('CREDENTIALS_WRONG')
  expect(asked).toEqual(['a', 'nobody', 'bad', 'a', 'a'])
})

it('makes guessing wait, and lets the right secret in from elsewhere', async () => {
  const { devices, login, codeOf, clock } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  await devices.create({ id: 'b' })
  await login('a', credentials.password, { address: '127.0.0.9' })
  for (let i = 0; i < maxRefusedPerDevice; i++) expect(await codeOf(login('a', 'x'))).toBe('CREDENTIALS_WRONG')
  await expect(login('a', credentials.password)).rejects.toMatchObject({ code: 'LOGIN_RATE', reason: 'quota' })
  expect(await codeOf(login('a', credentials.password, { address: '127.0.0.2' }))).toBe('ok')
  expect(await codeOf(login('a', 'x', { address: '127.0.0.3' }))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(login('a', 'x', { address: '127.0.0.3' }))).toBe('LOGIN_RATE')
  for (let i = maxRefusedPerDevice; i < maxRefusedPerAddress; i++)
    expect(await codeOf(login(`n${i}`, 'x'))).toBe('DEVICE_UNKNOWN')
  expect(await codeOf(login('fresh', 'x'))).toBe('LOGIN_RATE')
  clock.pass(refusedWindowMs)
  expect(await codeOf(login('a', credentials.password))).toBe('ok')
})

it('lets a device that entered from an address before in, whoever else was refused there', async () => {
  const { devices, login, codeOf, peer, authenticator } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  await login('a', credentials.password)
  await authenticator.authenticate(peer({ kind: 'bearer', secret: credentials.password }))
  for (let i = 0; i < maxRefusedPerAddress; i++) await codeOf(login(`n${i}`, 'x'))
  expect(await codeOf(login('n', 'x'))).toBe('LOGIN_RATE')
  expect(await codeOf(login('a', credentials.password))).toBe('ok')
  expect(await codeOf(authenticator.authenticate(peer({ kind: 'bearer', secret: credentials.password })))).toBe('ok')
})

it('counts a whole /64 of IPv6 as one address', () => {
  expect(toNetwork('2001:db8:1:2:3:4:5:6')).toBe(toNetwork('2001:db8:1:2::9'))
  expect(toNetwork('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(toNetwork('2001:db8::1')).not.toBe(toNetwork('2001:db8:0:1::1'))
  expect(toNetwork('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(toNetwork('::1')).toBe('::1')
})

it('says that the store is away, and does not count it as a guess', async () => {
  const { devices, login, codeOf, registry } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  registry.failing = () => true
  for (let i = 0; i < 50; i++) {
    await expect(login('a', credentials.password)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      reason: 'unavailable',
    })
  }
  registry.failing = undefined
  expect(await codeOf(login('a', credentials.password))).toBe('ok')
})

it('holds a bounded number of devices in memory', async () => {
  const { registry, authenticator, login } = await start()
  const hash = createHash('sha256').update('s').digest('hex')
  const ids = Array.from({ length: 40 }, (_, at) => `d${at}`)
  for (const id of ids) {
    await registry.put('devices', id, { id, name: id, type: 'default', tags: [], createdAt: '' }, 'new')
    await registry.put('credentials', `${id}/c`, { device: id, kind: 'secret', hash, createdAt: '' }, 'new')
  }
  for (const id of ids) await login(id, 's')
  expect(authenticator.cachedDevices).toBe(40)
  expect(authenticator.cachedDevices).toBeLessThanOrEqual(maxCachedDevices)
})

it('lets a device in by the digest of a pre-shared key that was proved, and by nothing else of the same bytes', async () => {
  const { devices, authenticator, peer, login, codeOf } = await start()
  const { credentials } = await devices.create({ id: 'a' })
  const { credential, preSharedKey } = await devices.rotateKey('a')
  const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')
  const enter = (digest: string, deviceId = 'a') => authenticator.authenticate(peer({ kind: 'psk', deviceId, digest }))
  expect(await enter(digestOf(preSharedKey.key))).toMatchObject({ device: { id: 'a' }, credential: credential.id })
  expect(await codeOf(enter(digestOf(credentials.password)))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(enter(''))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(enter(digestOf(preSharedKey.key), 'b'))).toBe('DEVICE_UNKNOWN')
  expect(await codeOf(login('a', preSharedKey.key))).toBe('CREDENTIALS_WRONG')
  await devices.removeCredential('a', credential.id)
  expect(await codeOf(enter(digestOf(preSharedKey.key)))).toBe('CREDENTIALS_ENDED')
})

it('lets a provisioning key in as nothing but that, and slows down who guesses one', async () => {
  const { authenticator, login, peer, codeOf } = await start()
  const proof = { subject: { kind: 'provisioning', id: 'p1' }, credential: 'p1' }
  expect(await login('provision', 'pbp_good')).toEqual(proof)
  expect(await authenticator.authenticate(peer({ kind: 'bearer', secret: 'pbp_good' }))).toEqual(proof)
  expect(await codeOf(login('key', 'pbp_good'))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(login('provision', 'pbp_old'))).toBe('CREDENTIALS_ENDED')
  for (let tries = 1; tries < maxRefusedPerAddress; tries++) {
    expect(await codeOf(login('provision', `pbp_${tries}`))).toBe('CREDENTIALS_WRONG')
  }
  expect(await codeOf(login('provision', 'pbp_good'))).toBe('LOGIN_RATE')
  expect(await login('provision', 'pbp_good', { address: '127.0.0.2' })).toEqual(proof)
})

it('lets a provider end a login and grant it filters, also by a secret that comes without a user name', async () => {
  const { devices, providers, login, authenticator, peer, codeOf } = await start()
  await devices.create({ id: 'a', tags: ['x'] })
  providers.add(
    {
      name: 'jwt',
      deviceOf: (secret) => (secret.startsWith('token-') ? secret.slice(6) : undefined),
      connect: async ({ username, password }) =>
        password === `token-${username}` ? { answer: 'allow', endsAtMicros: 7, publish: ['plant/#'] } : undefined,
    },
    1,
  )
  const grants = { provider: 'jwt', publish: ['plant/#'], subscribe: [] }
  const expected = {
    subject: { kind: 'device', id: 'a', type: 'default', tags: ['x'], grants },
    endsAtMicros: 7,
    credential: 'provider:jwt',
  }
  expect(await login('a', 'token-a')).toMatchObject(expected)
  expect(await authenticator.authenticate(peer({ kind: 'bearer', secret: 'token-a' }))).toMatchObject(expected)
  expect(await codeOf(authenticator.authenticate(peer({ kind: 'bearer', secret: 'token-b' })))).toBe('DEVICE_UNKNOWN')
  expect(await codeOf(login('a', 'token-b'))).toBe('CREDENTIALS_WRONG')
})

it('lets an application in by the user name that holds the id of its key, and by no other id', async () => {
  const { login, codeOf } = await start()
  expect(await login(`key/${'a'.repeat(24)}`, 'app2')).toMatchObject({ subject: { kind: 'application' } })
  expect(await codeOf(login(`key/${'b'.repeat(24)}`, 'app2'))).toBe('CREDENTIALS_WRONG')
  expect(await codeOf(login('key/short', 'app2'))).toBe('DEVICE_UNKNOWN')
})

it('knows a registered device by name as long as it can log in', async () => {
  const { devices, authenticator, providers } = await start()
  await devices.create({ id: 'a', type: 'default' })
  expect(await authenticator.subjectOf('a')).toMatchObject({ kind: 'device', id: 'a' })
  for (const id of ['b', '', '#', 'x/y', '__proto__']) expect(await authenticator.subjectOf(id)).toBeUndefined()
  const [credential] = await devices.listCredentials('a')
  await devices.removeCredential('a', credential?.id ?? '')
  expect(await authenticator.subjectOf('a')).toBeUndefined()
  providers.add({ name: 'p', connect: async () => 'allow' }, 1)
  expect(await authenticator.subjectOf('a')).toBeDefined()
  await devices.remove('a')
  expect(await authenticator.subjectOf('a')).toBeUndefined()
})
