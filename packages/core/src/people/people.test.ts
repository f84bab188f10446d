import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { array, assert, constantFrom, property } from 'fast-check'
import type { AuditEntry } from '@patchbay/contracts/person'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { chainHash } from './audit-chain.ts'
import { toEntry } from './audit-record.ts'
import { maskSecrets } from './audit-mask.ts'
import { createPasswordHash } from './password-hash.ts'
import { assertGoodPassword } from './password-rule.ts'
import { createPeople, type People } from './people.ts'
import { expand, permits } from './permissions.ts'

let registry = createMemoryRegistry()
let clock = createFakeClock()
let errors: unknown[] = []
let people: People

beforeEach(() => {
  registry = createMemoryRegistry()
  clock = createFakeClock()
  errors = []
  people = createPeople({ registry, clock, onError: (error) => errors.push(error) })
})
afterEach(async () => people.close())

const write = async (count: number, from = 0) => {
  for (let n = from; n < from + count; n += 1) {
    clock.pass(1000)
    void people.audit.record({
      actor: 'user:ada',
      action: `POST /api/v1/x/${n}`,
      outcome: 'done',
      status: 200,
      requestId: `r${n}`,
    })
  }
  await people.audit.flush()
}
const ids = async () => (await registry.list('audit', { sort: { by: 'id' }, limit: 500 })).items

const without = ({ hash: _hash, ...entry }: AuditEntry) => entry

describe('the audit chain', () => {
  it('is intact over many batches, a restart and a clock set back', async () => {
    await write(250)
    clock.jump(-3_600_000)
    await people.close()
    people = createPeople({ registry, clock, onError: (error) => errors.push(error) })
    await write(5, 250)
    expect(await people.audit.verify()).toEqual({ intact: true, checked: 255 })
    const newest = await people.audit.list({ limit: 1 })
    expect(newest.items[0]?.action).toBe('POST /api/v1/x/254')
  })
  it('tells a changed, removed, inserted or cut off entry', async () => {
    await write(10)
    const all = await ids()
    const restore = () => registry.append('audit', all)
    const fourth = all[3]!
    await registry.put('audit', fourth.id, { ...fourth.body, actor: 'user:eve' }, 'any')
    expect(await people.audit.verify()).toMatchObject({ intact: false, checked: 3, brokenAt: fourth.id })
    await restore()
    expect((await people.audit.verify()).intact).toBe(true)
    await registry.delete('audit', fourth.id)
    expect(await people.audit.verify()).toMatchObject({ intact: false, brokenAt: all[4]!.id })
    await restore()
    await registry.delete('audit', all[0]!.id)
    expect((await people.audit.verify()).intact).toBe(false)
    await restore()
    await registry.delete('audit', all[9]!.id)
    expect(await people.audit.verify()).toMatchObject({ intact: false, brokenAt: all[9]!.id })
    await restore()
    await registry.put('audit', `${all[9]!.id}0`, all[9]!.body, 'new')
    expect((await people.audit.verify()).intact).toBe(false)
  })
  it('tells a changed entry whose own hash was made anew', async () => {
    await write(3)
    const [first, second, third] = await ids()
    const forged = { ...toEntry(second!), actor: 'user:eve' }
    const hash = chainHash(without(forged), String(first!.body['hash']))
    await registry.put('audit', second!.id, { ...second!.body, actor: 'user:eve', hash }, 'any')
    expect(await people.audit.verify()).toMatchObject({ intact: false, checked: 2, brokenAt: third!.id })
  })
  it('can be checked after old entries went, and still misses the first that is left', async () => {
    await write(10)
    const all = await ids()
    expect(await people.audit.prune(String(all[6]!.body['at']))).toBe(6)
    expect(await people.audit.verify()).toEqual({ intact: true, checked: 4 })
    await registry.delete('audit', all[6]!.id)
    expect((await people.audit.verify()).intact).toBe(false)
  })
  it('writes what the store did not take when it is back', async () => {
    registry.failing = () => true
    await write(3)
    expect(errors.length).toBeGreaterThan(0)
    registry.failing = undefined
    clock.pass(1000)
    await people.audit.flush()
    expect(await people.audit.verify()).toEqual({ intact: true, checked: 3 })
  })
  it('goes on from what is there when the head was not written', async () => {
    registry.failing = (call, collection) => call === 'put' && collection === 'meta'
    await write(3)
    registry.failing = undefined
    await write(2, 3)
    expect(await people.audit.verify()).toEqual({ intact: true, checked: 5 })
  })
  it('says when it is full', async () => {
    registry.failing = () => true
    for (let n = 0; n < 1_200; n += 1)
      void people.audit.record({ actor: 'a', action: `POST /${n}`, outcome: 'done', status: 200, requestId: 'r' })
    expect(people.audit.isFull()).toBe(true)
    expect(errors.filter((error) => String(error).includes('AuditOverflow'))).toHaveLength(200)
    registry.failing = undefined
    await people.audit.flush()
    expect(people.audit.isFull()).toBe(false)
  })
})

describe('masking', () => {
  it('bounds depth and size, and makes no prototype', () => {
    const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`)
    expect(JSON.stringify(maskSecrets(deep)).length).toBeLessThan(100)
    const poisoned: unknown = maskSecrets(JSON.parse('{"__proto__":{"admin":true},"password":{"set":true}}'))
    expect(poisoned).not.toHaveProperty('admin')
    expect(JSON.stringify(poisoned)).toContain('"password":"***"')
    expect(maskSecrets({ rows: Array.from({ length: 199 }, () => 'x'.repeat(1000)) })).toHaveProperty('tooLarge')
  })
})

describe('passwords', () => {
  it('are kept as Argon2id with their parameters and a salt each', async () => {
    const hash = createPasswordHash()
    const [one, two] = await Promise.all([hash.hash('correct horse'), hash.hash('correct horse')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
    expect(await hash.verify('correct horse', one)).toBe(true)
    expect(await hash.verify('correct horse!', one)).toBe(false)
    expect(await hash.verify('correct horse', undefined)).toBe(false)
    expect(await hash.verify('correct horse', 'nonsense')).toBe(false)
  })
  it('take as long for an unknown user as for a wrong one', async () => {
    const hash = createPasswordHash()
    const stored = await hash.hash('correct horse')
    const timed = async (phc: string | undefined) => {
      const start = performance.now()
      await hash.verify('wrong', phc)
      return performance.now() - start
    }
    // In turn, so that what the machine does meanwhile is there for both.
    let [known, unknown] = [Infinity, Infinity]
    for (let n = 0; n < 6; n += 1) {
      known = Math.min(known, await timed(stored))
      unknown = Math.min(unknown, await timed(undefined))
    }
    expect(unknown / known).toBeGreaterThan(0.5)
    expect(unknown / known).toBeLessThan(2)
  })
  it('wait in a bounded line', async () => {
    const hash = createPasswordHash({ maxWaiting: 3 })
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => hash.hash('correct horse')))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(refused).toEqual(['LOGIN_BUSY', 'LOGIN_BUSY'])
    expect(await hash.hash('correct horse')).toContain('$argon2id$')
  })
  it('are refused when short or tried first', () => {
    for (const bad of [
      'short1!',
      'password',
      'P@ssword2024!',
      'qwertyuiop',
      '12345678',
      'aaaaaaaaaa',
      'Patchbay123',
      'margaret12',
    ])
      expect(() => assertGoodPassword(bad, 'margaret')).toThrow(/The password/)
    for (const good of ['correct horse', 'yü3$kd0q', 'tractor-blue-77']) assertGoodPassword(good, 'margaret')
  })
})

describe('permissions', () => {
  it('never give more than their wildcards say', () => {
    expect(permits(['devices.*'], 'devices.write')).toBe(true)
    expect(permits(['devices.*'], 'devicesx.write')).toBe(false)
    expect(permits([], 'devices.read')).toBe(false)
    assert(
      property(array(constantFrom<string[]>('devices.*', 'users.read', 'audit.read', 'keys.*')), (held) => {
        const all = expand(held)
        expect(all.every((one) => held.includes(one) || held.includes(`${one.split('.')[0]}.*`))).toBe(true)
      }),
    )
  })
})

describe('sessions', () => {
  it('are not kept alive by a look, and tell when they end', async () => {
    const token = await people.sessions.create('ada', '127.0.0.1')
    const ended: unknown[] = []
    people.sessions.onEnd((which) => ended.push(which))
    for (let minute = 0; minute < 29; minute += 1) {
      clock.pass(60_000)
      expect(await people.sessions.find(token, 'look')).toBeDefined()
    }
    clock.pass(60_000)
    expect(await people.sessions.find(token, 'look')).toBeUndefined()
    expect(ended).toEqual([{ id: expect.any(String) }])
    await people.sessions.endAll('ada')
    expect(ended[1]).toEqual({ user: 'ada' })
  })
  it('do not come back when they end while one is being used', async () => {
    await people.setup.ensureOwner('ada', 'correct horse battery')
    const { token } = await people.login('ada', 'correct horse battery', '127.0.0.1')
    clock.pass(61_000)
    await Promise.all([people.sessions.find(token), people.sessions.endAll('ada')])
    expect(await people.sessions.find(token)).toBeUndefined()
    expect(await registry.count('sessions')).toBe(0)
  })
  it('are written at most once a minute and swept when over', async () => {
    const token = await people.sessions.create('ada', '127.0.0.1')
    for (let n = 0; n < 50; n += 1) {
      clock.pass(1000)
      await people.sessions.find(token)
    }
    expect(registry.calls.get('put sessions')).toBe(1)
    clock.pass(12 * 3_600_000)
    await people.tidy()
    expect(await registry.count('sessions')).toBe(0)
  })
})

describe('the last owner', () => {
  it('stays when two are taken away at the same moment', async () => {
    const by = { kind: 'key', id: 'k', role: 'owner', permissions: ['*'], actor: 'key:k' } as const
    await people.users.create(by, { id: 'ada', role: 'owner', password: 'correct horse battery' })
    await people.users.create(by, { id: 'bob', role: 'owner', password: 'correct horse battery' })
    const results = await Promise.allSettled([
      people.users.update(by, 'ada', { role: 'viewer' }),
      people.users.remove(by, 'bob'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect((await people.users.list({ limit: 5 })).items.filter(({ role }) => role === 'owner')).toHaveLength(1)
  })
})
