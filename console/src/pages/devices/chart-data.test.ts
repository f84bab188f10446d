import { expect, test } from 'vitest'
import { toChartData } from './chart-data.ts'

const at = (seconds: number, value: unknown) => ({ at: new Date(seconds * 1000).toISOString(), value })

test('a long silence is a gap, the usual distance is a line', () => {
  const { times, series } = toChartData({ t: [at(0, 1), at(60, 2), at(120, 3), at(900, 4), at(960, 5)] }, 9000)
  expect(times).toEqual([0, 60, 120, 510, 900, 960])
  expect(series[0]?.values).toEqual([1, 2, 3, null, 4, 5])
})

test('keys that come in turns are lines all the same, and texts are left out', () => {
  const { times, series } = toChartData(
    { a: [at(0, 1), at(20, 2)], b: [at(10, 3), at(30, 4)], c: [at(5, 'text')] },
    10_000,
  )
  expect(times).toEqual([0, 10, 20, 30])
  expect(series.map(({ values }) => values)).toEqual([
    [1, undefined, 2, undefined],
    [undefined, 3, undefined, 4],
    [undefined, undefined, undefined, undefined],
  ])
})
