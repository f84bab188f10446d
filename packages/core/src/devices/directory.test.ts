import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import type { PresenceStatus } from '../presence/port.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { maxCredentials, maxEndedCredentials } from './credential-record.ts'
import { importDevices } from './device-import.ts'
import { createDevices } from './directory.ts'
import type { DeviceEvent } from './port.ts'
import type { Sealing } from './pre-shared-keys.ts'
import { createDeviceTypes } from './types.ts'

const reversed = (text: string) => text.split('').toReversed().join('')
const reversing: Sealing = { seal: reversed, open: reversed }

async function start(registry = createMemoryRegistry()) {
  const clock = createFakeClock()
  const events: DeviceEvent[] = []
  const hear = (event: DeviceEvent) => events.push(event)
  const online = new Set<string>()
  const statusOf = (id: string): PresenceStatus => ({ status: online.has(id) ? 'online' : 'never' })
  const types = createDeviceTypes({ registry, clock, hear })
  await types.load()
  const devices = createDevices({ registry, clock, randomBytes, hear, types, statusOf, sealing: reversing })
  await devices.load()
  return { registry, clock, events, types, devices, online, kinds: () => events.map(({ kind }) => kind) }
}

it('makes a device with a secret that is shown once and kept as a hash', async () => {
  const { devices, registry, events } = await start()
  const { device, credentials } = await devices.create({})
  expect(device).toMatchObject({ name: device.id, type: 'default', tags: [], status: 'never', version: 1 })
  expect(device.id).toMatch(/^d-[0-9a-hjkmnp-tv-z]{12}$/)
  expect(credentials.username).toBe(device.id)
  expect(Buffer.from(credentials.password, 'base64url')).toHaveLength(32)
  const kept = await registry.list('credentials', { limit: 10 })
  expect(kept.items).toHaveLength(1)
  expect(kept.items[0]?.body['hash']).toMatch(/^[0-9a-f]{64}$/)
  expect(JSON.stringify(kept)).not.toContain(credentials.password)
  expect(events).toMatchObject([{ kind: 'created', device: { id: device.id } }])
  expect(devices.typeOf(device.id)).toBe('default')
  expect(devices.heartbeatMs(device.id)).toBe(300_000)
})

it('refuses ids that are taken, reserved or not well formed, and unknown types', async () => {
  const { devices } = await start()
  await devices.create({ id: 'a' })
  await expect(devices.create({ id: 'a' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', status: 409 })
  await expect(devices.create({ id: 'b', type: 'no' })).rejects.toMatchObject({ code: 'TYPE_UNKNOWN', status: 422 })
  for (const id of ['key', 'a/b', '+', '#', '', '.a', 'a'.repeat(129), 'a b', 'é']) {
    await expect(devices.create({ id })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  }
  const both = await Promise.allSettled([devices.create({ id: 'c' }), devices.create({ id: 'c' })])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect((await devices.listCredentials('c')).length).toBe(1)
})

it('leaves nothing half made when the store goes away in the middle', async () => {
  const { devices, registry, events } = await start()
  registry.failing = (call, collection) => call === 'put' && collection === 'devices'
  await expect(devices.create({ id: 'a' })).rejects.toBeInstanceOf(StoreUnavailable)
  expect(await registry.count('credentials')).toBe(0)
  registry.failing = (call, collection) => collection === 'devices' && call === 'put'
  const orphan = registry.failing
  registry.failing = (call, collection) => orphan(call, collection) || call === 'delete'
  await registry.put('credentials', 'a/left', { device: 'a', kind: 'secret', hash: 'x', createdAt: '' }, 'new')
  await expect(devices.create({ id: 'a' })).rejects.toBeInstanceOf(StoreUnavailable)
  registry.failing = undefined
  expect(events).toEqual([])
  await devices.create({ id: 'a' })
  expect(await registry.count('credentials')).toBe(1)
})

it('changes a device against its version', async () => {
  const { devices, types, kinds } = await start()
  await types.create({ id: 'boiler', heartbeatSeconds: 10 })
  await devices.create({ id: 'a', tags: ['x'] })
  const changed = await devices.patch('a', { name: 'Boiler', type: 'boiler' }, 1)
  expect(changed).toMatchObject({ name: 'Boiler', type: 'boiler', tags: ['x'], version: 2 })
  expect(devices.heartbeatMs('a')).toBe(10_000)
  await expect(devices.patch('a', { name: 'b' }, 1)).rejects.toMatchObject({ code: 'VERSION_CONFLICT', status: 412 })
  await expect(devices.patch('b', { name: 'b' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(devices.patch('a', { type: 'no' })).rejects.toMatchObject({ code: 'TYPE_UNKNOWN' })
  await expect(devices.patch('a', {})).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  await Promise.all(Array.from({ length: 20 }, (_, at) => devices.patch('a', { name: `n${at}` })))
  expect((await devices.get('a')).version).toBe(22)
  expect(kinds().filter((kind) => kind === 'changed')).toHaveLength(21)
})

it('removes a device with all that hangs on its id, and nothing of its neighbours', async () => {
  const { devices, registry, events } = await start()
  await devices.create({ id: 'a' })
  await devices.create({ id: 'a.b' })
  for (const id of ['a', 'a.b']) {
    await registry.put('presence', id, { device: id }, 'any')
    await registry.put('shadows', id, { device: id }, 'any')
    await registry.put('commands', `${id}/c1`, { device: id }, 'any')
  }
  await expect(devices.remove('a', 5)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
  expect((await devices.listCredentials('a')).length).toBe(1)
  await devices.remove('a')
  expect(events.at(-1)).toMatchObject({ kind: 'deleted', device: { id: 'a' } })
  for (const collection of ['devices', 'credentials', 'presence', 'shadows', 'commands'] as const) {
    expect(await registry.count(collection)).toBe(1)
  }
  expect(devices.typeOf('a')).toBeUndefined()
  await expect(devices.remove('a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('gives nothing of a half removed device to the next one of its id', async () => {
  const { devices, registry } = await start()
  await devices.create({ id: 'a' })
  registry.failing = (call, collection) => call === 'delete' && collection !== 'devices'
  await expect(devices.remove('a')).rejects.toBeInstanceOf(StoreUnavailable)
  registry.failing = undefined
  await registry.put('shadows', 'a', {}, 'any')
  await expect(devices.get('a')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const { credentials } = await devices.create({ id: 'a' })
  expect(credentials.username).toBe('a')
  expect(await registry.count('credentials')).toBe(1)
  expect(await registry.count('shadows')).toBe(0)
})

it('rotates: the new secret beside the old ones for the overlap, else instead of them', async () => {
  const { devices, clock, events } = await start()
  const { credentials: first } = await devices.create({ id: 'a' })
  const [old] = await devices.listCredentials('a')
  clock.pass(10)
  const second = await devices.rotate('a', 60)
  expect(second.credentials.password).not.toBe(first.password)
  expect(await devices.listCredentials('a')).toMatchObject([
    { id: old?.id, expiresAt: new Date(clock.nowMicros() / 1000 + 60_000).toISOString() },
    { id: second.credential.id },
  ])
  expect(events.at(-1)).toEqual({ kind: 'credentials-changed', device: 'a' })
  clock.pass(59_000)
  expect(events.some(({ kind }) => kind === 'credential-ended')).toBe(false)
  clock.pass(1000)
  expect(events.at(-1)).toEqual({ kind: 'credential-ended', device: 'a', credential: old?.id })
  expect(await devices.listCredentials('a')).toHaveLength(1)
  const third = await devices.rotate('a')
  expect(await devices.listCredentials('a')).toMatchObject([{ id: third.credential.id }])
  expect(events.at(-2)).toEqual({ kind: 'credential-ended', device: 'a', credential: second.credential.id })
  await expect(devices.rotate('b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('tells of overlaps that began before a restart', async () => {
  const { devices, registry } = await start()
  await devices.create({ id: 'a' })
  await devices.rotate('a', 600)
  devices.close()
  const again = await start(registry)
  again.clock.pass(600_000)
  expect(again.kinds()).toContain('credential-ended')
  again.devices.close()
  expect(again.clock.waiting).toBe(0)
})

it('bounds the secrets of a device, valid and ended', async () => {
  const { devices, registry, clock } = await start()
  await devices.create({ id: 'a' })
  for (let made = 1; made < maxCredentials; made++) await devices.rotate('a', 600)
  await expect(devices.rotate('a', 600)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
  for (let made = 0; made < 40; made++) {
    clock.pass(10)
    await devices.rotate('a')
  }
  expect(await devices.listCredentials('a')).toHaveLength(1)
  expect(await registry.count('credentials')).toBeLessThanOrEqual(maxEndedCredentials + 2)
})

it('deletes one credential and says so', async () => {
  const { devices, events } = await start()
  await devices.create({ id: 'a' })
  const { credential } = await devices.rotate('a', 60)
  await devices.removeCredential('a', credential.id)
  expect(events.at(-1)).toEqual({ kind: 'credential-ended', device: 'a', credential: credential.id })
  expect(await devices.listCredentials('a')).toHaveLength(1)
  await expect(devices.removeCredential('a', credential.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('lists by search, type, tag and status, sorted, page by page', async () => {
  const { devices, online, types } = await start()
  await types.create({ id: 'boiler' })
  for (let at = 0; at < 30; at++) {
    const type = at % 2 ? 'boiler' : 'default'
    await devices.create({ id: `d${String(at).padStart(2, '0')}`, name: `N${at % 7}`, type, tags: at % 3 ? ['x'] : [] })
    if (at % 5 === 0) online.add(`d${String(at).padStart(2, '0')}`)
  }
  const all = async (query: Omit<Parameters<typeof devices.list>[0], 'limit' | 'cursor'>) => {
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const page = await devices.list({ ...query, limit: 3, ...(cursor ? { cursor } : {}) })
      expect(page.items.length).toBeLessThanOrEqual(3)
      ids.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor)
    expect(new Set(ids).size).toBe(ids.length)
    return ids
  }
  expect(await all({})).toHaveLength(30)
  expect(await all({ type: 'boiler' })).toHaveLength(15)
  expect(await all({ tag: 'x' })).toHaveLength(20)
  expect(await all({ search: 'n3' })).toEqual(['d03', 'd10', 'd17', 'd24'])
  expect(await all({ status: 'online' })).toEqual(['d00', 'd05', 'd10', 'd15', 'd20', 'd25'])
  expect(await all({ status: 'online', type: 'boiler', sort: '-id' })).toEqual(['d25', 'd15', 'd05'])
  expect(await all({ status: 'never' })).toHaveLength(24)
  expect((await all({ sort: '-name' })).slice(0, 4)).toEqual(['d27', 'd20', 'd13', 'd06'])
  await expect(devices.list({ sort: 'hash', limit: 1 })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
})

it('imports what it can and reports every line', async () => {
  const { devices, registry } = await start()
  registry.failing = (call, collection, id) => call === 'put' && collection === 'devices' && id === 'stuck'
  const report = await importDevices(devices, [
    { id: 'a', name: ' Boiler ', type: '', tags: 'x; y;x;' },
    { id: 'a' },
    { id: '+' },
    { type: 'no' },
    {},
    { id: 'stuck' },
    { id: 'z', line: 99 },
  ])
  expect(report.map(({ line, ok, code }) => [line, ok, code])).toEqual([
    [2, true, undefined],
    [3, false, 'ALREADY_EXISTS'],
    [4, false, 'FIELD_INVALID'],
    [5, false, 'TYPE_UNKNOWN'],
    [6, true, undefined],
    [7, false, 'STORE_UNAVAILABLE'],
    [99, true, undefined],
  ])
  expect(report[0]?.credentials?.username).toBe('a')
  expect(await devices.get('a')).toMatchObject({ name: 'Boiler', tags: ['x', 'y'], type: 'default' })
})

it('knows all devices after a restart', async () => {
  const { devices, registry, types } = await start()
  await types.create({ id: 'boiler', heartbeatSeconds: 7 })
  await devices.create({ id: 'a', type: 'boiler' })
  const again = await start(registry)
  expect([again.devices.count, again.devices.heartbeatMs('a')]).toEqual([1, 7000])
})

it('rotates the pre-shared key apart from the secret, shows it once and keeps it sealed', async () => {
  const { devices, registry } = await start()
  await devices.create({ id: 'a' })
  const first = await devices.rotateKey('a', 0)
  expect(first).toMatchObject({ credential: { kind: 'psk' }, preSharedKey: { identity: 'a' } })
  expect(first.preSharedKey.key).toMatch(/^[\w-]{22}$/)
  const second = await devices.rotateKey('a', 60)
  expect(
    (await devices.listCredentials('a')).map(({ kind, expiresAt }) => `${kind} ${expiresAt !== undefined}`).toSorted(),
  ).toEqual(['psk false', 'psk true', 'secret false'])
  expect(JSON.stringify(await devices.listCredentials('a'))).not.toContain('sealed')
  const kept = JSON.stringify(await registry.list('credentials', { limit: 10 }))
  expect(kept).not.toContain(second.preSharedKey.key)
  expect(kept).toContain(reversed(second.preSharedKey.key))
  await devices.rotate('a')
  expect((await devices.listCredentials('a')).filter(({ kind }) => kind === 'psk')).toHaveLength(2)
})
