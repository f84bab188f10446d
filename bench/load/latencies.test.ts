import { expect, test } from 'vitest'
import { createLatencies, merge, percentileMs, record } from './latencies.ts'

test('percentiles are right to a bucket, over several processes', () => {
  const [one, other] = [createLatencies(), createLatencies()]
  for (let i = 1; i <= 1000; i++) record(i % 2 === 0 ? one : other, i * 100)
  merge(one, other)
  expect(percentileMs(one, 50)).toBeCloseTo(50, -1)
  expect((percentileMs(one, 99) ?? 0) / 99).toBeCloseTo(1, 1)
})

test('without a latency there is no percentile', () => {
  expect(percentileMs(createLatencies(), 99)).toBeUndefined()
})
