import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { noMongo, openDatabase, type TestDatabase } from '../../../test/harness/mongo-server.ts'
import type { SealLimits } from '../sqlite/seal-queue.ts'
import { telemetryCollectionNames, telemetryCollections } from './telemetry-documents.ts'
import { openMongoTelemetry, type OpenedMongoTelemetry } from './telemetry.ts'

const T0 = Date.UTC(2026, 2, 2) * 1_000
const atOnce: Partial<SealLimits> = { records: 16, hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }

describe.skipIf(noMongo !== undefined)(`shared in MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  let folders: string[]
  let stores: OpenedMongoTelemetry[]
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())
  beforeEach(async () => {
    await database.empty(telemetryCollectionNames)
    folders = []
    stores = []
  })
  afterEach(async () => {
    for (const store of stores) await store.close()
    for (const folder of folders) await rm(folder, { recursive: true })
  })

  async function open(
    state: { sure?: boolean; live?: boolean; aheadMs?: number } = {},
    seal: Partial<SealLimits> = {},
  ) {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-writer-'))
    folders.push(folder)
    const store = await openMongoTelemetry({
      db: database.db,
      folder,
      seal,
      share: async () => ({
        isSure: () => state.sure ?? true,
        nowMs: () => Date.now() + (state.aheadMs ?? 0),
        isLive: () => state.live ?? true,
        mayRollUp: () => stores[0] === store,
        isLast: () => true,
      }),
    })
    stores.push(store)
    return store
  }
  const put = async (store: OpenedMongoTelemetry, device: string, values: Record<string, number>, at: number) => {
    const series = await store.openDevice(device)
    const rows = Object.entries(values).map(([key, value]) => ({ series: store.addSeries(series, key), at, value }))
    await store.append(toBatch(rows))
    store.releaseDevice(series)
  }
  const latest = async (store: OpenedMongoTelemetry, device: string) =>
    Object.fromEntries(Object.entries(await store.latest(device)).map(([key, { value }]) => [key, value]))

  test('a key that two nodes name at the same time is one series, and each sees what the other stored', async () => {
    const [a, b] = [await open(), await open()]
    const [ofA, ofB] = [await a.openDevice('d'), await b.openDevice('d')]
    const [idA, idB] = [a.addSeries(ofA, 'n'), b.addSeries(ofB, 'n')]
    expect(idA).not.toBe(idB)
    await Promise.all([
      a.append(toBatch([{ series: idA, at: T0, value: 1 }])),
      b.append(toBatch([{ series: idB, at: T0 + 1, value: 2 }])),
    ])
    await a.append(toBatch([{ series: idA, at: T0 + 2, value: 3 }]))
    for (const store of [a, b]) {
      expect(await latest(store, 'd')).toEqual({ n: 3 })
      const { items } = await store.raw({ device: 'd', from: 0, to: T0 * 2, limit: 9 })
      expect(items.map(({ value }) => value)).toEqual([1, 2, 3])
    }
    const { length } = (await telemetryCollections(database.db).devices.findOne({ _id: 'd' }))?.series ?? []
    expect(length).toBe(1)
    a.releaseDevice(ofA)
    b.releaseDevice(ofB)
  })

  test('of one point that two nodes stored, the later stands, whatever else is sealed', async () => {
    // Two commits within a millisecond have no order among nodes: each is a little later than the one before.
    const clock = { aheadMs: 0 }
    const [a, b] = [await open(clock, atOnce), await open(clock, atOnce)]
    for (let i = 0; i < 60; i++) {
      clock.aheadMs += 2
      const store = i % 2 === 0 ? a : b
      await put(store, 'd', { n: i, m: i }, T0 + Math.floor(i / 4) * 1_000_000)
    }
    const { hot } = telemetryCollections(database.db)
    await vi.waitFor(async () => expect(await hot.countDocuments({})).toBe(0), { timeout: 10_000, interval: 100 })
    for (const store of [a, b]) {
      const { items } = await store.raw({ device: 'd', keys: ['n'], from: 0, to: T0 * 2, limit: 99 })
      expect(items.map(({ value }) => value)).toEqual(Array.from({ length: 15 }, (_, i) => i * 4 + 3))
      expect(await latest(store, 'd')).toEqual({ n: 59, m: 59 })
    }
  })

  test('the log of each is followed by the other, each record once', async () => {
    const [a, b] = [await open(), await open()]
    for (let i = 0; i < 10; i++) await put(i % 2 === 0 ? a : b, 'd', { n: i }, T0 + i)
    for (const store of [a, b]) {
      await vi.waitFor(() => expect(Object.values(store.end())).toEqual([5, 5]))
      const { records } = await store.readCommitted({}, 100)
      const all = records.map(({ values }) => Number(values['n']))
      expect(all.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }
  })

  test('a node that is not sure of itself acknowledges nothing, and what it wrote is not there', async () => {
    const state = { sure: false, live: true }
    const [a, b] = [await open(state), await open({ live: false })]
    await expect(put(a, 'd', { n: 1 }, T0)).rejects.toThrow(StoreUnavailable)
    expect(await latest(b, 'd')).toEqual({})
    state.sure = true
    await put(a, 'd', { n: 2 }, T0 + 1)
    await vi.waitFor(async () => expect(await latest(b, 'd')).toEqual({ n: 2 }))
    expect(await telemetryCollections(database.db).hot.countDocuments({})).toBe(1)
  })

  test('the log of a node that is gone is brought to its end and packed by another', async () => {
    const a = await open()
    const b = await open({ live: false })
    for (let i = 0; i < 5; i++) await put(a, 'd', { n: i }, T0 + i)
    const { writers, hot } = telemetryCollections(database.db)
    // As a kill leaves it: the mark behind, a group that was cut short after it.
    await vi.waitFor(async () => expect((await writers.findOne({ _id: a.writer }))?.to).toBe(5))
    await writers.updateOne({ _id: a.writer }, { $set: { to: 2 } })
    const [last] = await hot.find({ w: a.writer }).sort({ _id: -1 }).limit(1).toArray()
    if (!last) throw new Error('nothing was stored')
    const cut = { ...last, _id: last._id.replace(/.{6}$/, '000001').replace('05/', '06/'), s: 7, e: 7 }
    await hot.insertOne(cut)
    await b.adopt(a.writer, () => false)
    expect(b.end()[a.writer]).toBe(5)
    expect(await hot.countDocuments({})).toBe(0)
    const { records } = await b.readCommitted({}, 100)
    expect(records.map(({ values }) => values['n'])).toEqual([0, 1, 2, 3, 4])
  })
})
