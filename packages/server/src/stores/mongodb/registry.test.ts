import { collections } from '@patchbay/core/registry/port'
import { leaseContract } from '@patchbay/core/suites/leases'
import { registryContract } from '@patchbay/core/suites/registry'
import { sharedLeaseContract } from '@patchbay/core/suites/shared-leases'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noMongo, openDatabase, type TestDatabase } from '../../../test/harness/mongo-server.ts'
import { StoreCorrupt } from '../sqlite/errors.ts'
import { openMongoRegistry } from './registry.ts'

describe.skipIf(noMongo !== undefined)(`the registry in MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  registryContract(async () => {
    const { db } = database
    await database.empty(collections)
    let store = await openMongoRegistry(db)
    return {
      store,
      async reopen() {
        await store.close()
        store = await openMongoRegistry(db)
        return store
      },
      close: () => store.close(),
    }
  })

  async function openEmpty() {
    await database.empty(collections)
    const store = await openMongoRegistry(database.db)
    return { store, close: () => store.close() }
  }
  leaseContract(openEmpty, false)
  sharedLeaseContract(openEmpty)

  test('bodies that BSON would not give back come back as they were, and are found by their fields', async () => {
    const store = await openMongoRegistry(database.db)
    const deep = Array.from({ length: 90 }).reduce<unknown>((inside) => ({ inside }), 1)
    for (const [id, body] of Object.entries({
      dots: { name: 'x', values: { 'a.b': 1, $set: { c: 2 }, '': 3 } },
      driver: { name: 'x', values: { _bsontype: 'ObjectId', id: 'zzz' } },
      text: { name: 'x', text: '\ud800', nul: 'a\0b' },
      deep: { name: 'x', deep },
    })) {
      await store.put('shadows', id, body, 'any')
      expect((await store.get('shadows', id))?.body).toEqual(body)
    }
    expect((await store.list('shadows', { where: { name: 'x' }, limit: 9 })).items.map(({ id }) => id)).toEqual([
      'deep',
      'dots',
      'driver',
      'text',
    ])
    await store.close()
  })

  test('a layout is not changed under nodes that run, and is once none does', async () => {
    const { db } = database
    const store = await openMongoRegistry(db)
    const set = (version: number) =>
      db.collection<{ _id: string }>('schemas').updateOne({ _id: 'registry' }, { $set: { version } })
    await set(0)
    const beat = () => store.put('meta', 'node/old', { name: 'old', version: '0.0.9' }, 'any')
    await beat()
    const timer = setInterval(() => void beat(), 100)
    await expect(openMongoRegistry(db)).rejects.toThrow('old (version 0.0.9) runs')
    clearInterval(timer)
    await store.put('meta', 'node/old', { name: 'old', version: '0.0.9', gone: true }, 'any')
    await (await openMongoRegistry(db)).close()
    await store.close()
  })

  test('what a newer version has written is refused in words', async () => {
    const { db } = database
    await db.collection<{ _id: string }>('schemas').updateOne({ _id: 'registry' }, { $set: { version: 99 } })
    await expect(openMongoRegistry(db)).rejects.toThrow(StoreCorrupt)
    await expect(openMongoRegistry(db)).rejects.toThrow('start the newer one')
    await db.collection<{ _id: string }>('schemas').updateOne({ _id: 'registry' }, { $set: { version: 1 } })
  })
})
