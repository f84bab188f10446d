import type { RecordValue } from '@patchbay/sdk'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAverages } from './averages.ts'

const second = 1_000_000
const minute = 60 * second
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-averages-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const record = (n: number, at: number, values: Record<string, RecordValue>, device = 'a') => ({
  id: `w:${n}`,
  device,
  type: 'meter',
  at,
  values,
})

test('numbers become the mean of their interval, anything else its last value', async () => {
  const averages = await openAverages(folder, minute)
  const records = [
    record(2, 0, { t: 1, state: 'a' }),
    record(4, 10 * second, { t: 2, state: 'b', ['__proto__']: 4 }),
    record(5, 59 * second, { t: 6 }),
    record(6, 60 * second, { t: 100 }),
    record(7, 5 * second, { t: 7 }, 'b'),
  ]
  expect(await averages.add(records, 61 * second)).toBe(true)
  expect(averages.closed(64 * second)).toEqual([])
  expect(averages.closed(66 * second)).toEqual([
    { id: 'average:1', device: 'a', type: 'meter', at: 0, values: { t: 3, state: 'b', ['__proto__']: 4 } },
    { id: 'average:2', device: 'b', type: 'meter', at: 0, values: { t: 7 } },
  ])
})

test('what it was given is there after a kill, and what comes again after it counts once', async () => {
  const first = await openAverages(folder, minute)
  await first.add([record(1, 0, { t: 1 }), record(2, second, { t: 2 })], 2 * second)
  const second2 = await openAverages(folder, minute)
  await second2.add([record(1, 0, { t: 1 }), record(2, second, { t: 2 }), record(3, 2 * second, { t: 6 })], 3 * second)
  const [average] = second2.closed(70 * second)
  expect(average).toMatchObject({ values: { t: 3 } })
  await second2.add([], 70 * second)
  // Not at the other side yet when the next kill came: it is sent then, under the same id.
  const third = await openAverages(folder, minute)
  expect(third.closed(80 * second)).toEqual([average])
  await third.drop(['average:1'])
  expect((await openAverages(folder, minute)).closed(90 * second)).toEqual([])
})

test('what a person sends again from long ago counts again', async () => {
  const averages = await openAverages(folder, minute)
  await averages.add([record(1_000_000, 100 * minute, { t: 1 })], 101 * minute)
  await averages.add([record(10, 0, { t: 5 }), record(12, second, { t: 7 })], 101 * minute)
  expect(averages.closed(200 * minute)).toMatchObject([{ values: { t: 1 } }, { at: 0, values: { t: 6 } }])
})

test('when too much waits, the stored readings wait instead', async () => {
  const averages = await openAverages(folder, second)
  const records = Array.from({ length: 10_001 }, (_, n) => record(n + 1, n * second, { t: n }))
  expect(await averages.add(records, 0)).toBe(true)
  expect(averages.closed(20_000 * second)).toHaveLength(10_001)
  expect(await averages.add([record(20_000, 0, { t: 1 })], 0)).toBe(false)
  await averages.drop(averages.closed(0).map(({ id }) => id))
  expect(await averages.add([record(20_000, 0, { t: 1 })], 0)).toBe(true)
})
