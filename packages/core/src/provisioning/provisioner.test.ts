import { describe, expect, test } from 'vitest'
import { admin, startProvisioning } from '../../test/provisioning-bench.ts'
import { digestOf, type CredentialBody } from '../devices/credential-record.ts'
import { unusedOverlapMs } from '../devices/enrolment.ts'
import { refuse } from '../errors.ts'

const claim = 'c1-0123456789abcdef'
const otherClaim = 'c2-0123456789abcdef'

type Bench = Awaited<ReturnType<typeof startProvisioning>>

/** The secrets that open the device now, by their hashes. */
async function liveHashes({ registry, clock }: Bench, device: string): Promise<string[]> {
  const { items } = await registry.list<CredentialBody>('credentials', { prefix: `${device}/`, limit: 100 })
  const now = clock.nowMicros() / 1000
  return items.flatMap(({ body }) =>
    body.revoked || (body.expiresAt !== undefined && Date.parse(body.expiresAt) <= now) ? [] : [body.hash],
  )
}
const hashOf = (password: string | undefined) => digestOf(password ?? '').toString('hex')

describe('a key that creates devices', () => {
  test('makes a device with its type and tags, and answers the secret once', async () => {
    const bench = await startProvisioning()
    const { provisioningKey, key } = await bench.make({ type: 'pump', tags: ['hall'], idPrefix: 'p-' })
    expect(await bench.keys.find(key)).toEqual({ id: provisioningKey.id })
    const heard = await bench.ask(provisioningKey.id, { deviceId: 'p-1', name: 'Pump 1', id: 'r7' })
    expect(heard).toMatchObject({ id: 'r7', device: { id: 'p-1', name: 'Pump 1', type: 'pump' }, again: false })
    expect(await bench.devices.get('p-1')).toMatchObject({
      name: 'Pump 1',
      type: 'pump',
      tags: ['hall'],
      provisionedBy: provisioningKey.id,
    })
    expect(await liveHashes(bench, 'p-1')).toEqual([hashOf(heard.credentials?.password)])
    await bench.drain()
    expect(await bench.keys.get(provisioningKey.id)).toMatchObject({ used: 1, lastUsedAt: expect.any(String) })
    expect(bench.audited).toMatchObject([
      { actor: `provisioning:${provisioningKey.id}`, action: 'provision', target: 'p-1', address: '192.0.2.1' },
    ])
    const everything = JSON.stringify([
      await bench.registry.list('devices', { limit: 9 }),
      await bench.registry.list('provisioning_keys', { limit: 9 }),
    ])
    for (const secret of [key, heard.credentials?.password ?? '?']) expect(everything).not.toContain(secret)
  })

  test('never takes over a device that is there, however it came to be', async () => {
    const bench = await startProvisioning()
    const mine = (await bench.make()).provisioningKey.id
    const other = (await bench.make()).provisioningKey.id
    await bench.devices.create({ id: 'boiler' })
    await bench.ask(mine, { deviceId: 'mine', claim })
    for (const [key, request] of [
      [mine, { deviceId: 'boiler', claim }],
      [mine, { deviceId: 'mine' }],
      [mine, { deviceId: 'mine', claim: otherClaim }],
      [other, { deviceId: 'mine', claim }],
    ] as const) {
      expect(await bench.ask(key, request), JSON.stringify(request)).toMatchObject({
        error: { code: 'PROVISION_TAKEN' },
      })
    }
    expect(bench.audited).toHaveLength(1)
  })

  test('a device that lost the answer asks again with its claim: no second device, and both answers are good', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make({ quota: 1 })).provisioningKey
    const first = await bench.ask(id, { claim })
    const second = await bench.ask(id, { claim })
    expect(second).toMatchObject({ device: first.device, again: true })
    expect(await bench.registry.count('devices')).toBe(1)
    const hashes = [hashOf(first.credentials?.password), hashOf(second.credentials?.password)]
    expect((await liveHashes(bench, first.device?.id ?? '')).sort()).toEqual(hashes.sort())
    bench.clock.pass(unusedOverlapMs)
    expect(await liveHashes(bench, first.device?.id ?? '')).toEqual([hashOf(second.credentials?.password)])
    await bench.drain()
    expect((await bench.keys.get(id)).used).toBe(1)
    // Asked at the same time (a repeat overtakes the first), it is one device too.
    const both = await Promise.all([1, 2, 3].map(() => bench.ask(id, { claim })))
    expect(new Set(both.map(({ device }) => device?.id)).size).toBe(1)
  })

  test('asks again no more once the device was there, unless the key lets it', async () => {
    const bench = await startProvisioning()
    const once = (await bench.make()).provisioningKey.id
    const often = (await bench.make({ reprovision: true })).provisioningKey.id
    const request = { claim }
    const first = await bench.ask(once, request)
    const reset = await bench.ask(often, request)
    for (const { device } of [first, reset]) bench.seen.add(device?.id ?? '')
    for (const { device } of [reset]) {
      const { items } = await bench.registry.list<CredentialBody>('credentials', { prefix: `${device?.id}/`, limit: 9 })
      for (const { id, version, body } of items) {
        await bench.registry.put('credentials', id, { ...body, lastUsedAt: body.createdAt }, version)
      }
    }
    expect(await bench.ask(once, request)).toMatchObject({ error: { code: 'PROVISION_DONE' } })
    const anew = await bench.ask(often, request)
    expect(anew).toMatchObject({ device: reset.device, again: true })
    expect(await liveHashes(bench, reset.device?.id ?? '')).toEqual([hashOf(anew.credentials?.password)])
  })

  test('refuses what it cannot know again, what is foreign, and what is not well formed', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make({ idPrefix: 'p-' })).provisioningKey
    const codes: [unknown, string][] = [
      [{}, 'PROVISION_UNNAMED'],
      [{ deviceId: 'q-1' }, 'PROVISION_ID_FOREIGN'],
      [{ claim: 'short' }, 'PAYLOAD_INVALID'],
      [{ deviceId: 'p-1', admin: true }, 'PAYLOAD_INVALID'],
      [{ deviceId: 'p-1', __proto__x: 1 }, 'PAYLOAD_INVALID'],
      [[], 'PAYLOAD_INVALID'],
      [{ deviceId: 'p-1', csr: 'x' }, 'PROVISION_CERTIFICATE'],
    ]
    for (const [request, code] of codes) expect((await bench.ask(id, request)).error?.code).toBe(code)
    expect(await bench.ask('ffff', { deviceId: 'p-1' })).toMatchObject({ error: { code: 'CREDENTIALS_ENDED' } })
    bench.types.delete('default')
    expect((await bench.ask(id, { deviceId: 'p-1' })).error?.code).toBe('PROVISION_TYPE_GONE')
    expect(await bench.registry.count('devices')).toBe(0)
    await bench.drain()
    expect((await bench.keys.get(id)).used).toBe(0)
  })

  test('gives a pre-shared key instead when asked', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make()).provisioningKey
    const heard = await bench.ask(id, { deviceId: 'node', credentials: 'psk' })
    expect(heard.preSharedKey).toMatchObject({ identity: 'node', key: expect.stringMatching(/^[\w-]{22}$/) })
    expect(heard.credentials).toBeUndefined()
  })
})

describe('a key for registered devices', () => {
  test('hands credentials to those it is meant for, once, and ends what they had', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make({ strategy: 'pre-registered', type: 'pump', tags: ['hall'] })).provisioningKey
    await bench.devices.create({ id: 'pump-1', type: 'pump', tags: ['hall', 'x'] })
    await bench.devices.create({ id: 'pump-2', type: 'pump' })
    await bench.devices.create({ id: 'other', tags: ['hall'] })
    for (const deviceId of ['pump-2', 'other', 'nobody']) {
      expect((await bench.ask(id, { deviceId, claim })).error?.code).toBe('PROVISION_NOT_REGISTERED')
    }
    expect((await bench.ask(id, { claim })).error?.code).toBe('PROVISION_UNNAMED')
    const heard = await bench.ask(id, { deviceId: 'pump-1', claim })
    expect(heard).toMatchObject({ device: { id: 'pump-1', type: 'pump' }, again: false })
    expect(await liveHashes(bench, 'pump-1')).toEqual([hashOf(heard.credentials?.password)])
    expect((await bench.ask(id, { deviceId: 'pump-1', claim: otherClaim })).error?.code).toBe('PROVISION_TAKEN')
    expect(await bench.registry.count('devices')).toBe(3)
  })

  test('leaves a device alone that was there already', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make({ strategy: 'pre-registered', type: 'pump' })).provisioningKey
    await bench.devices.create({ id: 'pump-1', type: 'pump' })
    bench.seen.add('pump-1')
    expect((await bench.ask(id, { deviceId: 'pump-1', claim })).error?.code).toBe('PROVISION_TAKEN')
  })
})

describe('the limits of a key', () => {
  test('200 devices at once get 50 places exactly', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make({ quota: 50 })).provisioningKey
    const heard = await Promise.all(Array.from({ length: 200 }, (_, at) => bench.ask(id, { deviceId: `d-${at}` })))
    expect(heard.filter(({ device }) => device)).toHaveLength(50)
    expect(new Set(heard.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(['PROVISION_QUOTA']))
    expect(await bench.registry.count('devices')).toBe(50)
    await bench.drain()
    expect((await bench.keys.get(id)).used).toBe(50)
    expect((await bench.keys.patch(admin, id, { quota: null })).quota).toBeUndefined()
    expect((await bench.ask(id, { deviceId: 'one-more' })).device).toBeDefined()
  })

  test('it ends by time, by hand and by deletion', async () => {
    const bench = await startProvisioning()
    const soon = new Date(bench.clock.nowMicros() / 1000 + 60_000).toISOString()
    const timed = await bench.make({ expiresAt: soon })
    const { provisioningKey, key } = await bench.make()
    const ended: string[] = []
    bench.keys.onEnd((id) => ended.push(id))
    bench.clock.pass(60_000)
    expect(await bench.keys.find(timed.key)).toEqual({ ended: expect.stringContaining('expired') })
    expect((await bench.ask(timed.provisioningKey.id, { claim })).error?.code).toBe('CREDENTIALS_ENDED')
    await bench.keys.patch(admin, provisioningKey.id, { enabled: false })
    expect(await bench.keys.find(key)).toEqual({ ended: expect.stringContaining('switched off') })
    expect((await bench.ask(provisioningKey.id, { claim })).error?.code).toBe('CREDENTIALS_ENDED')
    await bench.keys.patch(admin, provisioningKey.id, { enabled: true })
    expect((await bench.ask(provisioningKey.id, { claim })).device).toBeDefined()
    await bench.drain()
    await bench.keys.remove(provisioningKey.id)
    expect(await bench.keys.find(key)).toBeUndefined()
    expect(ended).toEqual([provisioningKey.id, provisioningKey.id])
  })

  test('who tries ids or claims that are not his has to wait', async () => {
    const bench = await startProvisioning()
    const { id } = (await bench.make()).provisioningKey
    await bench.ask(id, { deviceId: 'mine', claim })
    const guess = (at: number) => bench.ask(id, { deviceId: 'mine', claim: `guess-${at}-0123456789` }, '192.0.2.66')
    const codes: (string | undefined)[] = []
    for (let at = 0; at < 12; at++) codes.push((await guess(at)).error?.code)
    expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'PROVISION_TAKEN'))
    expect(codes.slice(10)).toEqual(['LOGIN_RATE', 'LOGIN_RATE'])
    // The device itself, elsewhere, is not locked out.
    expect((await bench.ask(id, { deviceId: 'mine', claim })).again).toBe(true)
  })

  test('nobody makes a key who may not make devices', async () => {
    const bench = await startProvisioning()
    const limited = { ...admin, permissions: ['provisioning.write', 'devices.write'] }
    await expect(bench.keys.create(limited, { name: 'x' })).rejects.toMatchObject({ code: 'GRANT_FORBIDDEN' })
    await expect(bench.make({ type: 'none' })).rejects.toMatchObject({ code: 'TYPE_UNKNOWN' })
    await expect(bench.make({ strategy: 'pre-registered' })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await expect(bench.make({ expiresAt: '2001-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  })
})

describe('a certificate signing request', () => {
  const issued = { certificate: 'CERT', authority: 'CA' }

  test('is answered with a certificate for this device', async () => {
    const asked: string[][] = []
    const issueCertificate = async (...what: [string, string]) => {
      asked.push(what)
      return issued
    }
    const bench = await startProvisioning({ issuer: { issueCertificate } })
    const { id } = (await bench.make()).provisioningKey
    expect(await bench.ask(id, { deviceId: 'a', claim, csr: 'CSR' })).toMatchObject({ certificate: issued })
    expect(asked).toEqual([['a', 'CSR']])
    expect((await bench.ask(id, { deviceId: 'b', csr: 'CSR' })).error?.code).toBe('PROVISION_CERTIFICATE')
  })

  test('that is bad uses up nothing, and one that fails late can be asked for again', async () => {
    let isAway = true
    const issuer = {
      checkRequest: async (_device: string, csr: string) => {
        if (csr === 'BAD') throw refuse('PROVISION_CERTIFICATE', 'Not a request.')
      },
      issueCertificate: async () => {
        if (isAway) throw refuse('STORE_UNAVAILABLE')
        return issued
      },
    }
    const bench = await startProvisioning({ issuer })
    const { id } = (await bench.make({ quota: 1 })).provisioningKey
    expect((await bench.ask(id, { deviceId: 'a', claim, csr: 'BAD' })).error?.code).toBe('PROVISION_CERTIFICATE')
    expect((await bench.ask(id, { deviceId: 'a', claim, csr: 'CSR' })).error?.code).toBe('STORE_UNAVAILABLE')
    isAway = false
    expect(await bench.ask(id, { deviceId: 'a', claim, csr: 'CSR' })).toMatchObject({
      again: true,
      certificate: issued,
    })
  })
})
