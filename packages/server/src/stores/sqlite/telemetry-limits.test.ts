import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import type { TelemetryStore } from '@patchbay/core/telemetry/port'
import { ReadCancelled } from '@patchbay/core/telemetry/read-cancelled'
import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BucketFold } from './bucket-fold.ts'
import { StoreCorrupt } from './errors.ts'
import { ReadBudget, ROWS_PER_TURN } from './read-budget.ts'
import { MAX_IDLE_DEVICES, SeriesBook } from './series-book.ts'
import { MAX_WAITING_POINTS } from './sqlite-telemetry.ts'
import { openSqliteTelemetry } from './telemetry.ts'

const LONG = 100_000

describe('the SQLite telemetry store', () => {
  let folder: string
  let file: string
  let store: TelemetryStore
  const open = () => openSqliteTelemetry({ file, durability: 'full' })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patchbay-telemetry-'))
    file = join(folder, 'telemetry.sqlite')
    store = await open()
  })
  afterEach(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })

  async function fillLong(device: string): Promise<void> {
    const held = await store.openDevice(device)
    const series = store.addSeries(held, 'x')
    await store.append(toBatch(Array.from({ length: LONG }, (_, at) => ({ series, at, value: at % 10 }))))
    store.releaseDevice(held)
  }
  const shortRead = () => store.raw({ device: 'long', from: 0, to: 10, limit: 1 })
  const readLong = (signal?: AbortSignal) =>
    store.range({ device: 'long', from: 0, to: LONG, step: 1_000, aggregate: 'avg' }, signal ? { signal } : {})

  test('a long read lets short ones and opened devices pass', async () => {
    await fillLong('long')
    const order: string[] = []
    await Promise.all([
      readLong().then(() => order.push('long')),
      shortRead().then(() => order.push('short')),
      store.openDevice('other').then(() => order.push('open')),
    ])
    expect(order).toEqual(['open', 'short', 'long'])
  })

  test('cancelled reads stop: many of them do not hold up the next', async () => {
    await fillLong('long')
    const many = (signal?: AbortSignal) => Array.from({ length: 30 }, () => readLong(signal))
    const started = performance.now()
    await Promise.all(many())
    const allMs = performance.now() - started
    const leaving = new AbortController()
    // Is answered in the first round of turns, when the long ones have begun.
    const short = shortRead()
    const reads = many(leaving.signal)
    await short
    leaving.abort()
    const results = await Promise.allSettled(reads)
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(ReadCancelled) })
    const again = performance.now()
    await readLong()
    // The thirty would be in front of this one otherwise.
    expect(performance.now() - again).toBeLessThan(allMs / 3)
  })

  test('points beyond what may wait are refused, none of the others', async () => {
    const held = await store.openDevice('d')
    const series = store.addSeries(held, 'x')
    const batch = toBatch([{ series, at: 1, value: 1 }])
    const big = MAX_WAITING_POINTS
    const huge = {
      ...batch,
      length: big,
      series: new Uint32Array(big).fill(series),
      at: new Float64Array(big),
      kind: new Uint8Array(big),
      number: new Float64Array(big),
    }
    const first = store.append(batch)
    await expect(store.append(huge)).rejects.toThrow(StoreUnavailable)
    await first
    expect((await store.stats()).points).toBe(1)
  })

  test('the points of a deleted device go in the background, over a restart too', async () => {
    await fillLong('long')
    await store.deleteDevice('long')
    await store.close()
    store = await open()
    await vi.waitFor(async () => expect((await store.stats()).points).toBe(0), { timeout: 15_000, interval: 20 })
    expect(await store.readCommitted({}, 10)).toEqual({ records: [], cursor: { [store.writer]: expect.any(Number) } })
  })

  test('a device opened while it is deleted is opened empty', async () => {
    const held = await store.openDevice('d')
    await store.append(toBatch([{ series: store.addSeries(held, 'x'), at: 1, value: 1 }]))
    store.releaseDevice(held)
    await store.close()
    store = await open()
    const [, one, two] = await Promise.all([store.deleteDevice('d'), store.openDevice('d'), store.openDevice('d')])
    expect([...two.keys]).toEqual([])
    await store.append(toBatch([{ series: store.addSeries(one, 'x'), at: 2, value: 2 }]))
    expect(await store.latest('d')).toEqual({ x: { at: 2, value: 2 } })
  })

  test('a file that is no database is named', async () => {
    const bad = join(folder, 'bad.sqlite')
    await writeFile(bad, 'this is a text, not a database. '.repeat(200))
    const opening = openSqliteTelemetry({ file: bad, durability: 'full' })
    await expect(opening).rejects.toThrow(StoreCorrupt)
    await expect(opening).rejects.toThrow(bad)
  })

  test('a second opening of the same file is refused and hurts nothing', async () => {
    await expect(open()).rejects.toThrow(StoreUnavailable)
    expect(await store.latest('d')).toEqual({})
  })

  test('relaxed durability keeps what was closed', async () => {
    await store.close()
    store = await openSqliteTelemetry({ file, durability: 'relaxed' })
    const held = await store.openDevice('d')
    await store.append(toBatch([{ series: store.addSeries(held, 'x'), at: 1, value: 1 }]))
    await store.close()
    store = await open()
    expect(await store.latest('d')).toEqual({ x: { at: 1, value: 1 } })
  })

  test('nothing keeps running after close', async () => {
    await store.close()
    const kinds = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Worker').length
    const before = kinds()
    for (let i = 0; i < 3; i++) {
      store = await open()
      await store.close()
    }
    expect(kinds()).toBe(before)
  })
})

test('a read that looks at too much is refused', () => {
  const budget = new ReadBudget(10)
  budget.spend(10)
  expect(() => budget.spend(1)).toThrow(ReadTooLarge)
})

test('a read has its turn for some rows only', () => {
  const budget = new ReadBudget()
  budget.spend(ROWS_PER_TURN - 1)
  expect(budget.turnOver()).toBe(false)
  budget.spend(1)
  expect(budget.turnOver()).toBe(true)
  expect(budget.turnOver()).toBe(false)
})

test('an answer with too many buckets is refused', () => {
  const fold = new BucketFold('x', { from: 0, step: 1, aggregate: 'sum' }, { left: 2 })
  for (let at = 0; at < 3; at++) fold.add({ seq: at, at, kind: 0, value: 1 })
  expect(() => fold.done()).toThrow(ReadTooLarge)
})

describe('the series book', () => {
  test('forgets idle devices beyond its bound, never one with keys that are not on disk', () => {
    const book = new SeriesBook(0)
    book.put('pending', [])
    const pending = book.hold('pending')!
    const id = book.add(pending, 'x')
    book.release(pending)
    for (let i = 0; i <= MAX_IDLE_DEVICES; i++) {
      book.put(`d${i}`, [])
      book.release(book.hold(`d${i}`)!)
    }
    expect(book.hold('d0')).toBeUndefined()
    expect(book.hold(`d${MAX_IDLE_DEVICES}`)).toBeDefined()
    expect(book.hold('pending')?.keys.get('x')).toBe(id)
  })

  test('sends a definition with every batch until one is committed', () => {
    const book = new SeriesBook(7)
    book.put('d', [])
    const device = book.hold('d')!
    const series = book.add(device, 'x')
    expect(series).toBe(8)
    const batch = () =>
      toBatch([
        { series, at: 1, value: 1 },
        { series, at: 2, value: 2 },
      ])
    expect(book.check(batch())).toEqual([{ id: 8, device: 'd', key: 'x' }])
    const definitions = book.check(batch())
    expect(definitions).toHaveLength(1)
    book.committed(definitions)
    expect(book.check(batch())).toEqual([])
  })

  test('a deletion that fails leaves everything as it was', () => {
    const book = new SeriesBook(1)
    book.put('d', [{ id: 1, key: 'old' }])
    const device = book.hold('d')!
    const fresh = book.add(device, 'new')
    const restore = book.drop('d')
    const meanwhile = book.add(device, 'old')
    expect(() => book.check(toBatch([{ series: 1, at: 1, value: 1 }]))).toThrow(StoreUnavailable)
    restore()
    expect([...device.keys]).toEqual([
      ['old', 1],
      ['new', fresh],
    ])
    expect(
      book.check(
        toBatch([
          { series: 1, at: 1, value: 1 },
          { series: fresh, at: 1, value: 1 },
        ]),
      ),
    ).toHaveLength(1)
    expect(() => book.check(toBatch([{ series: meanwhile, at: 1, value: 1 }]))).toThrow(StoreUnavailable)
  })
})
