import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import type { PointJson, TelemetryStore } from '@patchbay/core/telemetry/port'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hotFileOf } from './hot-file.ts'
import { openSqliteTelemetry } from './telemetry.ts'

const BATCHES = 120
const RECORDS = 20

let folder: string
let file: string
let store: TelemetryStore
const open = () =>
  openSqliteTelemetry({ file, durability: 'full', seal: { records: 64, hotRows: 400, rowsPerSeries: 0 } })
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-hot-'))
  file = join(folder, 'telemetry.sqlite')
  store = await open()
})
afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

async function add(device: string, at: number, values: Record<string, PointJson>): Promise<void> {
  const held = await store.openDevice(device)
  const rows = Object.entries(values).map(([key, value]) => ({ series: store.addSeries(held, key), at, value }))
  await store.append(toBatch(rows))
  store.releaseDevice(held)
}

/** One device sends much more than may be hot. */
async function addMuch(from: number): Promise<void> {
  const held = await store.openDevice('fast')
  const series = store.addSeries(held, 'x')
  for (let batch = 0; batch < BATCHES; batch++) {
    const rows = Array.from({ length: RECORDS }, (_, i) => ({ series, at: from + batch * RECORDS + i, value: i }))
    await store.append(toBatch(rows))
  }
  store.releaseDevice(held)
}

/** How many rows the log's file has. */
function rowsInFile(): number {
  const db = new DatabaseSync(hotFileOf(file), { readOnly: true })
  const { n } = db.prepare('SELECT ifnull(sum(length(body)), 0) / 21 AS n FROM hot').get() as { n: number }
  db.close()
  return n
}

const chunksOf = (device: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  const sql = 'SELECT count(*) AS n FROM chunk JOIN owner ON owner.id = chunk.owner WHERE device = ?'
  const { n } = db.prepare(sql).get(device) as { n: number }
  db.close()
  return n
}

test('a few points of slow devices do not keep what stands around them, and stay as they were', async () => {
  const values = { n: -0, text: 'ein Wort \u0000 \ud800', yes: true, list: [1, { a: null }] }
  await add('slow', 5, values)
  await addMuch(10)
  await add('slow', 1_000_000, { n: 7 })
  await addMuch(1_000_010)
  await vi.waitFor(() => expect(rowsInFile()).toBeLessThan(2_000), { timeout: 15_000, interval: 50 })
  const check = async () => {
    expect(chunksOf('slow')).toBe(0)
    const { records } = await store.readCommitted({}, 10)
    expect(records[0]).toMatchObject({ device: 'slow', at: 5, seq: 4 })
    expect({ ...records[0]?.values }).toEqual(values)
    expect(Object.is(records[0]?.values['n'], -0)).toBe(true)
    expect(await store.latest('slow')).toMatchObject({ n: { at: 1_000_000, value: 7 }, text: { at: 5 } })
    expect((await store.stats()).points).toBe(2 * BATCHES * RECORDS + 5)
  }
  await check()
  await store.close()
  store = await open()
  await check()
  const count = await store.range({ device: 'fast', from: 0, to: 3_000_000, step: 3_000_000, aggregate: 'count' })
  expect(count.series['x']).toEqual([{ at: 0, value: 2 * BATCHES * RECORDS }])
})

test('hot points that retention dropped stay gone over a restart, those after them do not', async () => {
  await add('other', 3, { x: 3 })
  // In one row of the log with those that stay.
  const held = await store.openDevice('d')
  const series = store.addSeries(held, 'x')
  await store.append(toBatch(Array.from({ length: 20 }, (_, i) => ({ series, at: i + 1, value: i }))))
  expect(await store.retain({ device: 'd', before: 11, unreadBefore: 0 })).toEqual({ dropped: 10, unread: 0 })
  for (let round = 0; round < 2; round++) {
    const { items } = await store.raw({ device: 'd', from: 0, to: 100, limit: 100 })
    expect(items.map(({ at }) => at)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    expect(await store.latest('other')).toMatchObject({ x: { value: 3 } })
    expect((await store.stats()).points).toBe(11)
    await store.close()
    store = await open()
  }
})

test('a series that was defined in the log keeps its id though nothing else has come since', async () => {
  await add('d', 1, { a: 1 })
  await store.close()
  store = await open()
  const held = await store.openDevice('e')
  const other = store.addSeries(held, 'a')
  await store.append(toBatch([{ series: other, at: 2, value: 2 }]))
  expect(await store.latest('d')).toEqual({ a: { at: 1, value: 1 } })
  expect(await store.latest('e')).toEqual({ a: { at: 2, value: 2 } })
})
