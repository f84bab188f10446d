import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import type { AggregateName, PointJson, TelemetryStore } from '@patchbay/core/telemetry/port'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hotFileOf } from './hot-file.ts'
import { openSqliteTelemetry } from './telemetry.ts'
import { DAY, HOUR, MINUTE } from './tiers.ts'

const DAYS = 4
const START = 20_000 * DAY
const END = START + DAYS * DAY
const EVERY = 7 * MINUTE

let folder: string
let file: string
let store: TelemetryStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-rollup-'))
  file = join(folder, 'telemetry.sqlite')
  const seal = { records: 100, hotRows: 0, rowsPerSeries: 0, rollupAfterMs: 0 }
  store = await openSqliteTelemetry({ file, durability: 'full', seal })
})
afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

const model = new Map<number, number>()

async function add(points: (readonly [at: number, values: Record<string, PointJson>])[]): Promise<void> {
  const held = await store.openDevice('d')
  const rows = points.flatMap(([at, values]) =>
    Object.entries(values).map(([key, value]) => ({ series: store.addSeries(held, key), at, value })),
  )
  await store.append(toBatch(rows))
  store.releaseDevice(held)
  for (const [at, values] of points) if (typeof values['n'] === 'number') model.set(at, values['n'])
}

const figure = (sql: string, of = file) => {
  const db = new DatabaseSync(of, { readOnly: true })
  const n = Number(db.prepare(sql).get()?.['n'])
  db.close()
  return n
}

const settled = () =>
  vi.waitFor(
    () => {
      expect(figure('SELECT count(*) AS n FROM hot', hotFileOf(file))).toBe(0)
      expect(figure('SELECT count(*) AS n FROM changed')).toBe(0)
    },
    { timeout: 20_000, interval: 20 },
  )

function expected(from: number, to: number, step: number, aggregate: AggregateName): unknown[] {
  const inside = [...model].filter(([at]) => at >= from && at < to).toSorted(([a], [b]) => a - b)
  const buckets = Map.groupBy(inside, ([at]) => from + Math.floor((at - from) / step) * step)
  return [...buckets].map(([at, own]) => {
    const all = own.map(([, value]) => value)
    const sum = all.reduce((a, b) => a + b, 0)
    const [min, max] = [Math.min(...all), Math.max(...all)]
    const results = {
      avg: sum / all.length,
      min,
      max,
      minmax: [min, max],
      sum,
      count: all.length,
      first: all[0],
      last: all.at(-1),
    }
    return { at, value: results[aggregate] }
  })
}

async function agree(): Promise<void> {
  for (const aggregate of ['avg', 'min', 'max', 'minmax', 'sum', 'count', 'first', 'last'] as const) {
    for (const [from, to, step] of [
      [START, END, DAY],
      [START, END, HOUR],
      [START + 5 * HOUR, END - 3 * HOUR, HOUR],
      [START, END, MINUTE],
      [START - 10 * DAY, END + 100 * DAY, 2 * DAY],
      [START + 1, END, HOUR],
    ] as const) {
      const { series } = await store.range({ device: 'd', keys: ['n'], from, to, step, aggregate })
      expect(series['n'], `${aggregate} ${from - START} ${step}`).toEqual(expected(from, to, step, aggregate))
    }
  }
}

const day = (n: number) =>
  Array.from({ length: Math.floor(DAY / EVERY) }, (_, i) => {
    const at = START + n * DAY + i * EVERY
    return [at, { n: (i * 37) % 101, s: i % 2 ? 'on' : 'off' }] as const
  })

test('ranges answer from roll-ups what the points say, late ones and replaced ones too', async () => {
  model.clear()
  for (let n = 0; n < DAYS; n++) await add(day(n))
  await settled()
  expect(figure('SELECT count(*) AS n FROM rollup WHERE tier = 2')).toBe(DAYS)
  await agree()
  // At once, while the day is changed, and after it was rolled up anew.
  const late = [START + DAY + 3 * HOUR + 5, { n: 1_000 }] as const
  await add([late, [START + DAY + EVERY, { n: -1_000 }]])
  await agree()
  await settled()
  await agree()
  const texts = await store.range({ device: 'd', keys: ['s'], from: START, to: END, step: DAY, aggregate: 'count' })
  expect(texts.series['s']).toHaveLength(DAYS)
  expect(
    (await store.range({ device: 'd', keys: ['s'], from: START, to: END, step: DAY, aggregate: 'avg' })).mismatch,
  ).toEqual(['s'])
})

test('many points a minute have minutes, and roll-ups outlive the points until their own time is over', async () => {
  model.clear()
  await add(Array.from({ length: 2_000 }, (_, i) => [START + i * 5_000_000, { n: i }] as const))
  await add(day(1))
  await settled()
  expect(figure('SELECT count(*) AS n FROM rollup WHERE tier = 0')).toBe(1)
  await agree()
  const before = START + DAY
  expect((await store.retain({ device: 'd', before, unreadBefore: before })).dropped).toBeGreaterThan(1_900)
  const ask = { device: 'd', keys: ['n'], from: START, to: START + DAY }
  for (const step of [HOUR, MINUTE, DAY]) {
    const { series } = await store.range({ ...ask, step, aggregate: 'sum' })
    expect(series['n']).toEqual(expected(START, START + DAY, step, 'sum'))
  }
  // A step that no tier fits is answered as near as they allow.
  const odd = await store.range({ ...ask, step: 7 * MINUTE + 1, aggregate: 'count' })
  expect(odd.series['n']?.reduce((sum, { value }) => sum + Number(value), 0)).toBe(2_000)
  // What comes too late for a day that is gone does not spoil its roll-up.
  await add([[START + 1, { n: 5_000 }]])
  await settled()
  const max = await store.range({ ...ask, step: DAY, aggregate: 'max' })
  expect(max.series['n']).toEqual([{ at: START, value: 1_999 }])
  await store.retain({ device: 'd', before, unreadBefore: before, tiers: { minute: END, hour: END, day: START + DAY } })
  expect(figure('SELECT count(*) AS n FROM rollup')).toBe(1)
  await store.deleteDevice('d')
  await vi.waitFor(() => expect(figure('SELECT count(*) AS n FROM rollup')).toBe(0), { interval: 20 })
})

test('keys are kept for times of their own, points and roll-ups, whatever is read of them', async () => {
  model.clear()
  for (let n = 0; n < DAYS; n++) {
    await add(day(n).map(([at, { n: value, s }]) => [at, { n: value, s, p: value, q: value }] as const))
  }
  await settled()
  const count = async (key: string) => {
    const { items } = await store.raw({ device: 'd', keys: [key], from: START, to: END, limit: 50_000 })
    return items.length
  }
  const perDay = day(0).length
  const before = START + DAY
  const times = (days: number) => ({ before: START + days * DAY, unreadBefore: START + days * DAY })
  const ask = { device: 'd', before, unreadBefore: before, tiers: { hour: before } }
  const keys = [
    { key: 'n', ...times(3), tiers: { hour: START } },
    { key: 's', ...times(0) },
    { key: 'q', ...times(3), tiers: { hour: START + 2 * DAY, day: START + 2 * DAY } },
  ]
  const points = (await store.stats()).points
  const { dropped, unread } = await store.retain({ ...ask, keys })
  // What is packed with newer points goes with them: a chunk of a hundred records at most.
  expect(await count('s')).toBe(DAYS * perDay)
  for (const [key, gone] of [
    ['p', 1],
    ['n', 3],
    ['q', 3],
  ] as const) {
    expect(await count(key)).toBeGreaterThanOrEqual((DAYS - gone) * perDay)
    expect(await count(key)).toBeLessThan((DAYS - gone) * perDay + 100)
  }
  expect(unread).toBe(0)
  expect((await store.stats()).points).toBe(points - dropped)
  const all = (await Promise.all(['n', 's', 'p', 'q'].map(count))).reduce((a, b) => a + b)
  expect(all).toBe(points - dropped)
  // The log has what is left, each record once and in order.
  const { records } = await store.readCommitted({}, 50_000)
  expect(records.reduce((sum, { values }) => sum + Object.keys(values).length, 0)).toBe(all)
  expect(records.map(({ at }) => at)).toEqual(records.map(({ at }) => at).toSorted((a, b) => a - b))
  // Again: nothing more goes.
  expect(await store.retain({ ...ask, keys })).toEqual({ dropped: 0, unread: 0 })
  // The roll-ups of `n` answer for the points that are gone, those of `q` are gone too.
  const sums = async (key: string, step: number) =>
    (await store.range({ device: 'd', keys: [key], from: START, to: END, step, aggregate: 'sum' })).series[key] ?? []
  expect(await sums('n', HOUR)).toEqual(expected(START, END, HOUR, 'sum'))
  const from = (start: number, buckets: { at: number }[]) => buckets.filter(({ at }) => at >= start)
  expect(from(before, await sums('p', HOUR))).toEqual(expected(before, END, HOUR, 'sum'))
  expect((await sums('p', HOUR)).length).toBeLessThan(3 * 24 + 3)
  expect(from(START + 3 * DAY, await sums('q', HOUR))).toEqual(expected(START + 3 * DAY, END, HOUR, 'sum'))
  expect(from(START, await sums('q', HOUR)).some(({ at }) => at < START + 2 * DAY)).toBe(false)
  // A late point of a day whose points of the key are gone does not spoil its roll-up.
  await add([[START + 2 * DAY + 1, { n: 5_000, s: 'late' }]])
  model.delete(START + 2 * DAY + 1)
  await settled()
  expect(await sums('n', DAY)).toEqual(expected(START, END, DAY, 'sum'))
})
