import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AggregateName, DeviceSeries, Point, PointJson } from '../../src/telemetry/port.ts'
import { type Row, toBatch } from './batch.ts'
import { allCommitted, allRaw, store, T0 } from './ground.ts'

/** All reads, against a simple model. */
export function agreesWithModel(): void {
  test('whatever is appended, all reads agree with a simple model', async () => {
    const value = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -1_000, max: 1_000 }) },
      { weight: 1, arbitrary: fc.oneof(fc.boolean(), fc.string(), fc.array(fc.integer())) },
    )
    const record = fc.record({
      device: fc.constantFrom('p', 'q'),
      at: fc.integer({ min: 0, max: 20 }),
      values: fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { minKeys: 1 }),
    })
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (batches, size) => {
          round += 1
          const model = new Map<string, Map<string, Map<number, PointJson>>>()
          const held = new Map<string, DeviceSeries>()
          const start = (await allCommitted(1_000)).cursor
          let committed = 0
          for (const batch of batches) {
            const rows: Row[] = []
            for (const { device, at, values } of batch) {
              const name = `${device}${round}`
              const series = held.get(name) ?? (await store.openDevice(name))
              held.set(name, series)
              for (const [key, point] of Object.entries(values)) {
                rows.push({ series: store.addSeries(series, key), at: T0 + at, value: point })
                const keys = model.get(name) ?? new Map<string, Map<number, PointJson>>()
                model.set(name, keys)
                const times = keys.get(key) ?? new Map<number, PointJson>()
                keys.set(key, times)
                times.set(T0 + at, point)
                committed += 1
              }
            }
            await store.append(toBatch(rows))
          }
          for (const [device, keys] of model) await agree(device, keys, size)
          const { records } = await allCommitted(size, start)
          expect(records.reduce((sum, { values }) => sum + Object.keys(values).length, 0)).toBe(committed)
        },
      ),
      { numRuns: 40 },
    )
  })
}

async function agree(device: string, keys: Map<string, Map<number, PointJson>>, size: number): Promise<void> {
  const points = [...keys].flatMap(([key, times]) => [...times].map(([at, value]) => ({ key, at, value })))
  points.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))
  const [from, to] = [T0 + 3, T0 + 17]
  const inside = points.filter(({ at }) => at >= from && at < to)
  expect(await allRaw({ device, from, to, limit: size })).toEqual(inside)
  const latest = new Map(points.map(({ key, at, value }) => [key, { at, value }]))
  expect(await store.latest(device)).toEqual(Object.fromEntries(latest))
  for (const aggregate of ['avg', 'min', 'max', 'minmax', 'sum', 'count', 'first', 'last'] as const) {
    const answer = await store.range({ device, from, to, step: size, aggregate })
    for (const key of keys.keys()) {
      const own = inside.filter((point) => point.key === key)
      const numeric = !['count', 'first', 'last'].includes(aggregate)
      const fails = numeric && own.some(({ value }) => typeof value !== 'number')
      expect(answer.mismatch.includes(key)).toBe(fails)
      const buckets = fails ? [] : inBuckets(own, from, size, aggregate)
      expect(answer.series[key] ?? [], `${aggregate} ${key}`).toEqual(buckets)
    }
  }
}

function inBuckets(
  points: Point[],
  from: number,
  step: number,
  aggregate: AggregateName,
): { at: number; value: PointJson }[] {
  const buckets = Map.groupBy(points, ({ at }) => from + Math.floor((at - from) / step) * step)
  return [...buckets].map(([at, own]) => {
    const numbers = own.map(({ value }) => Number(value))
    const sum = numbers.reduce((a, b) => a + b, 0)
    const results = {
      avg: sum / own.length,
      min: Math.min(...numbers),
      max: Math.max(...numbers),
      minmax: [Math.min(...numbers), Math.max(...numbers)],
      sum,
      count: own.length,
      first: own[0]!.value,
      last: own.at(-1)!.value,
    }
    return { at, value: results[aggregate] }
  })
}
