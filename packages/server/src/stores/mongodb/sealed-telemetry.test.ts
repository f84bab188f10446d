import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bucket, CommittedRecord, TelemetryStore } from '@patchbay/core/telemetry/port'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { noMongo, openDatabase, type TestDatabase } from '../../../test/harness/mongo-server.ts'
import type { SealLimits } from '../sqlite/seal-queue.ts'
import { DAY, HOUR, MINUTE } from '../sqlite/tiers.ts'
import { telemetryCollectionNames, telemetryCollections, type TelemetryCollections } from './telemetry-documents.ts'
import { openMongoTelemetry } from './telemetry.ts'

const T0 = Date.UTC(2026, 2, 2) * 1_000
const atOnce: Partial<SealLimits> = { hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }

describe.skipIf(noMongo !== undefined)(`sealed in MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  let all: TelemetryCollections
  let folder: string
  let store: TelemetryStore
  const open = async (seal: Partial<SealLimits>) => {
    store = await openMongoTelemetry({ db: database.db, folder, seal })
  }
  beforeAll(async () => {
    database = await openDatabase()
    all = telemetryCollections(database.db)
  })
  afterAll(() => database?.drop())
  beforeEach(async () => {
    await database.empty(telemetryCollectionNames)
    folder = await mkdtemp(join(tmpdir(), 'patchbay-writer-'))
  })
  afterEach(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })

  /** A point every 15 s of two days, the second key as text, in commits of 500 records. */
  const fill = async (): Promise<void> => {
    const device = await store.openDevice('d')
    const [n, s] = [store.addSeries(device, 'n'), store.addSeries(device, 's')]
    const times = Array.from({ length: (2 * DAY) / (MINUTE / 4) }, (_, i) => T0 + i * (MINUTE / 4))
    for (let from = 0; from < times.length; from += 500) {
      const rows = times.slice(from, from + 500).flatMap((at) => [
        { series: n, at, value: (at / 1_000_000) % 977 },
        { series: s, at, value: 'on' },
      ])
      await store.append(toBatch(rows))
    }
    store.releaseDevice(device)
  }
  const isSealed = () =>
    vi.waitFor(
      async () => {
        expect(await all.hot.countDocuments({})).toBe(0)
        expect(await all.changed.countDocuments({})).toBe(0)
      },
      { timeout: 20_000, interval: 100 },
    )
  const means = async (step: number, from = T0, to = T0 + 2 * DAY): Promise<Bucket[]> =>
    (await store.range({ device: 'd', keys: ['n'], from, to, step, aggregate: 'avg' })).series['n'] ?? []
  const committed = async (): Promise<CommittedRecord[]> => {
    const records: CommittedRecord[] = []
    for (let cursor = {}; ;) {
      const page = await store.readCommitted(cursor, 5_000)
      if (page.records.length === 0) return records
      for (const record of page.records) records.push(record)
      cursor = page.cursor
    }
  }

  test('chunks, hours and days answer as the points did, and the roll-ups can be read by anybody', async () => {
    await open({})
    await fill()
    expect(await all.rollups.countDocuments({})).toBe(0)
    const before = [await means(HOUR), await means(DAY), await means(7 * MINUTE, T0 + HOUR / 3, T0 + DAY + HOUR / 2)]
    await store.close()
    await open(atOnce)
    await isSealed()
    expect(await all.chunks.countDocuments({})).toBeGreaterThan(5)
    const after = [await means(HOUR), await means(DAY), await means(7 * MINUTE, T0 + HOUR / 3, T0 + DAY + HOUR / 2)]
    for (const [i, buckets] of before.entries()) {
      expect(after[i]?.map(({ at }) => at)).toEqual(buckets.map(({ at }) => at))
      for (const [j, { value }] of buckets.entries()) expect(after[i]?.[j]?.value).toBeCloseTo(Number(value), 6)
    }
    const hours = await all.rollups.findOne({ d: 'd', key: 'n', tier: 'hour', day: new Date(T0 / 1_000) })
    expect(hours?.place).toEqual(Array.from({ length: 24 }, (_, hour) => hour))
    expect(hours?.count).toEqual(Array.from({ length: 24 }, () => 240))
    expect((hours?.sum[3] ?? 0) / 240).toBeCloseTo(Number(before[0]?.[3]?.value), 6)
    // A key of texts has none.
    expect(await all.rollups.countDocuments({ key: 's' })).toBe(0)
    const bytes = (await all.chunks.find().toArray()).reduce(
      (sum, { body, head }) => sum + body.length + head.length,
      0,
    )
    expect(bytes / (await store.stats()).points).toBeLessThan(2)
  })

  test('late points are read with the others until their day is rolled up anew', async () => {
    await open(atOnce)
    await fill()
    await isSealed()
    const device = await store.openDevice('d')
    await store.append(toBatch([{ series: store.addSeries(device, 'n'), at: T0 + 1, value: 1e6 }]))
    store.releaseDevice(device)
    const sum = async () =>
      (await store.range({ device: 'd', keys: ['n'], from: T0, to: T0 + DAY, step: HOUR, aggregate: 'max' })).series[
        'n'
      ]
    expect((await sum())?.[0]?.value).toBe(1e6)
    await isSealed()
    expect((await sum())?.[0]?.value).toBe(1e6)
    expect((await sum())?.length).toBe(24)
  })

  test('a kill between the steps of sealing neither loses nor doubles a point', async () => {
    await open({})
    await fill()
    const records = await committed()
    await store.close()
    const hot = await all.hot.find().toArray()
    const devices = await all.devices.find().toArray()
    for (const half of [true, false]) {
      await open({ ...atOnce, records: 100 })
      await isSealed()
      expect(await committed()).toEqual(records)
      await store.close()
      // As if it had been killed after the chunks were written and before the mark, or before the hot documents went.
      await all.hot.insertMany(hot)
      if (half) for (const device of devices) await all.devices.replaceOne({ _id: device._id }, device)
    }
    await open(atOnce)
    expect(await committed()).toEqual(records)
    await isSealed()
    expect(await committed()).toEqual(records)
    const points = records.length * 2
    expect((await store.stats()).points).toBe(points)
    expect((await store.raw({ device: 'd', from: T0, to: T0 + HOUR, limit: 10_000 })).items).toHaveLength(480)
  })
})
