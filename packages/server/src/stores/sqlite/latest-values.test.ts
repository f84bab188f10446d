import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { expect, test } from 'vitest'
import { LatestValues } from './latest-values.ts'

const keys = new Map([
  ['a', 1],
  ['b', 5_000],
])

test('what was stored before the start must be asked for once, and what is committed since counts from then on', () => {
  const latest = new LatestValues()
  latest.committed(toBatch([{ series: 1, at: 10, value: 1 }]))
  expect(latest.of(keys)).toBeUndefined()
  latest.learn(keys, { a: { at: 10, value: 7 }, b: { at: 5, value: true } }, latest.epoch)
  expect({ ...latest.of(keys) }).toEqual({ a: { at: 10, value: 1 }, b: { at: 5, value: true } })
  latest.committed(
    toBatch([
      { series: 1, at: 9, value: 2 },
      { series: 5_000, at: 5, value: -0 },
    ]),
  )
  expect({ ...latest.of(keys) }).toEqual({ a: { at: 10, value: 1 }, b: { at: 5, value: -0 } })
})

test('an older candidate gives way to what the disk has', () => {
  const latest = new LatestValues()
  latest.committed(toBatch([{ series: 1, at: 3, value: 1 }]))
  latest.learn(keys, { a: { at: 10, value: 7 } }, latest.epoch)
  expect({ ...latest.of(keys) }).toEqual({ a: { at: 10, value: 7 } })
})

test('an answer from before points were dropped teaches nothing', () => {
  const latest = new LatestValues()
  const { epoch } = latest
  latest.forget(keys)
  latest.learn(keys, { a: { at: 10, value: 7 } }, epoch)
  expect(latest.of(keys)).toBeUndefined()
})

test('texts are asked for each time', () => {
  const latest = new LatestValues()
  latest.made(1)
  expect(latest.of(new Map([['a', 1]]))).toEqual({})
  latest.committed(toBatch([{ series: 1, at: 3, value: 'x' }]))
  expect(latest.of(new Map([['a', 1]]))).toBeUndefined()
})
