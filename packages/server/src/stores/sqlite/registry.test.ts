import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { leaseContract } from '@patchbay/core/suites/leases'
import { registryContract } from '@patchbay/core/suites/registry'
import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreCorrupt, StoreMisused } from './errors.ts'
import type { Sql } from './registry-calls.ts'
import { toDeleteSql, toListSql } from './registry-query.ts'
import { openSqliteRegistry } from './registry.ts'

const folder = () => mkdtemp(join(tmpdir(), 'patchbay-registry-'))

registryContract(async () => {
  const path = await folder()
  const open = () => openSqliteRegistry({ file: join(path, 'registry.sqlite'), durability: 'full' })
  let store = await open()
  return {
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    async close() {
      await store.close()
      await rm(path, { recursive: true })
    },
  }
})

leaseContract(async () => {
  const path = await folder()
  const store = await openSqliteRegistry({ file: join(path, 'registry.sqlite'), durability: 'full' })
  return {
    store,
    async close() {
      await store.close()
      await rm(path, { recursive: true })
    },
  }
}, true)

describe('the SQLite registry', () => {
  let path: string
  let file: string
  let store: RegistryStore | undefined
  beforeEach(async () => {
    path = await folder()
    file = join(path, 'data', 'registry.sqlite')
  })
  afterEach(async () => {
    await store?.close()
    store = undefined
    await rm(path, { recursive: true })
  })

  test('keeps its folder and files for their owner alone', async () => {
    store = await openSqliteRegistry({ file, durability: 'full' })
    await store.put('devices', 'a', {}, 'new')
    expect((await stat(join(path, 'data'))).mode & 0o777).toBe(0o700)
    for (const name of [file, `${file}-wal`, `${file}.lock`]) expect((await stat(name)).mode & 0o777).toBe(0o600)
  })

  test('refuses a second opening of the same file', async () => {
    store = await openSqliteRegistry({ file, durability: 'full' })
    await expect(openSqliteRegistry({ file, durability: 'full' })).rejects.toThrow(StoreUnavailable)
  })

  test('names a file that is no database or a newer one', async () => {
    store = await openSqliteRegistry({ file, durability: 'full' })
    await store.close()
    const db = new DatabaseSync(file)
    db.exec('PRAGMA user_version = 99')
    db.close()
    const open = () => openSqliteRegistry({ file, durability: 'full' })
    await expect(open()).rejects.toThrow(
      expect.objectContaining({ name: 'StoreCorrupt', message: expect.stringContaining(file) }),
    )
    await truncate(file, 0)
    await writeFile(file, 'this is a text, not a database. '.repeat(200))
    await expect(open()).rejects.toThrow(StoreCorrupt)
  })

  test('brings a file of version 1 to the present one and keeps what is in it', async () => {
    const later = ['rules', 'rule_states', 'alerts', 'maintenance', 'provisioning_keys', 'dead_letters']
    store = await openSqliteRegistry({ file, durability: 'full' })
    await store.put('devices', 'a', { name: 'A' }, 'new')
    await store.close()
    const db = new DatabaseSync(file)
    const schema = () => db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
    const whole = schema()
    for (const name of later) db.exec(`DROP TABLE ${name}`)
    db.exec('DROP INDEX devices_provisionedBy')
    db.exec('DROP INDEX devices_createdAt')
    db.exec('PRAGMA user_version = 1')
    store = await openSqliteRegistry({ file, durability: 'full' })
    expect(await store.get('devices', 'a')).toMatchObject({ body: { name: 'A' } })
    for (const name of later) {
      await store.put(name as Collection, 'x', {}, 'new')
      expect(await store.count(name as Collection)).toBe(1)
    }
    expect(schema()).toEqual(whole)
    db.close()
  })

  test('one bad document of a group refuses only itself', async () => {
    store = await openSqliteRegistry({ file, durability: 'full' })
    let deep: unknown = 1
    for (let i = 0; i < 1_500; i++) deep = [deep]
    const results = await Promise.allSettled([
      store.put('devices', 'a', {}, 'new'),
      store.put('devices', 'b', { deep }, 'new'),
      store.append('devices', [
        { id: 'c', body: {} },
        { id: 'd', body: { deep } },
      ]),
      store.put('devices', 'e', {}, 'new'),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: expect.any(StoreMisused) })
    expect((await store.list('devices', { limit: 10 })).items.map((item) => item.id)).toEqual(['a', 'e'])
  })

  test('frequent queries use their index', async () => {
    store = await openSqliteRegistry({ file, durability: 'full' })
    await store.close()
    const db = new DatabaseSync(file)
    db.function('holds', () => 0)
    const plan = (...query: Parameters<typeof toListSql>) => explain(toListSql(...query))
    const explain = ({ text, values }: Sql) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${text}`)
        .all(...values)
        .map((row) => String(row['detail']))
        .join('; ')
    const cursor = Buffer.from('["x","y"]').toString('base64url')
    expect(plan('devices', { sort: { by: 'name' }, limit: 50, cursor })).toMatch(
      /SEARCH devices USING INDEX devices_name/,
    )
    const newest = { by: 'createdAt', descending: true }
    expect(plan('devices', { sort: newest, limit: 50 })).toMatch(/SCAN devices USING INDEX devices_createdAt$/)
    expect(plan('credentials', { where: { device: 'd' }, limit: 50 })).toMatch(/credentials_device/)
    expect(plan('commands', { where: { device: 'd' }, limit: 50 })).toMatch(/commands_device/)
    expect(plan('commands', { where: { state: 'sent' }, limit: 50 })).toMatch(/commands_state/)
    expect(plan('commands', { where: { open: true }, limit: 50 })).toMatch(/commands_open/)
    expect(plan('credentials', { where: { hash: 'h' }, limit: 1 })).toMatch(/credentials_hash/)
    expect(plan('presence', { where: { status: 'online' }, limit: 50 })).toMatch(/presence_status/)
    expect(plan('alerts', { where: { pair: 'd/r' }, sort: { by: 'id', descending: true }, limit: 1 })).toMatch(
      /alerts_pair/,
    )
    expect(plan('alerts', { where: { pending: true }, limit: 50 })).toMatch(/alerts_pending/)
    expect(plan('alerts', { range: { field: 'dueAt', to: 5 }, sort: { by: 'dueAt' }, limit: 50 })).toMatch(
      /alerts_dueAt/,
    )
    const ended = toDeleteSql('idempotency', { range: { field: 'expiresAt', to: 5 }, limit: 9 })
    expect(explain(ended)).toMatch(/idempotency_expiresAt/)
    expect(plan('audit', { sort: { by: 'id', descending: true }, limit: 50, cursor })).not.toMatch(/TEMP B-TREE/)
    db.close()
  })
})
