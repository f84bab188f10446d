import type { RecordValue } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { createChangeFilter } from './thin-changes.ts'

const record = (n: number, values: Record<string, RecordValue>, device = 'a') => ({
  id: `w:${n}`,
  device,
  type: '',
  at: n * 1_000_000,
  values,
})

test('a value goes when it has left the dead band around the one that went last, so that a slow drift is not lost', () => {
  const filter = createChangeFilter({ deadBand: 1, everyMicros: Number.POSITIVE_INFINITY })
  const went = [20, 20.5, 21, 21.5, 22, 22.6, 20].map((t, n) => filter.thin(record(n + 1, { t })))
  expect(went).toEqual([{ t: 20 }, undefined, undefined, { t: 21.5 }, undefined, { t: 22.6 }, { t: 20 }])
})

test('text, booleans and objects go when they differ; each key and device by itself', () => {
  const filter = createChangeFilter({ deadBand: 0, everyMicros: Number.POSITIVE_INFINITY })
  const values = { open: true, state: 'on', where: { lat: 1 }, ['__proto__']: 1 }
  expect(filter.thin(record(1, values))).toEqual(values)
  expect(filter.thin(record(2, { ...values, where: { lat: 1 } }))).toBeUndefined()
  expect(filter.thin(record(3, { ...values, where: { lat: 2 }, open: false }))).toEqual({
    open: false,
    where: { lat: 2 },
  })
  expect(filter.thin(record(4, { state: 'on' }, 'b'))).toEqual({ state: 'on' })
})

test('an unchanged value goes again after its time', () => {
  const filter = createChangeFilter({ deadBand: 0, everyMicros: 3_000_000 })
  expect([1, 2, 3, 4, 5, 6, 7].map((n) => filter.thin(record(n, { t: 1 }))?.['t'])).toEqual([
    1,
    undefined,
    undefined,
    1,
    undefined,
    undefined,
    1,
  ])
})

test('a record that comes again since the target was away is judged as before', () => {
  const filter = createChangeFilter({ deadBand: 0, everyMicros: Number.POSITIVE_INFINITY })
  for (let tries = 0; tries < 3; tries += 1) {
    expect(filter.thin(record(1, { t: 1 }))).toEqual({ t: 1 })
    expect(filter.thin(record(2, { t: 1 }))).toBeUndefined()
    expect(filter.thin(record(3, { t: 2 }))).toEqual({ t: 2 })
  }
  filter.settle(['w:1', 'w:2', 'w:3'])
  // Sent again by hand, it is nothing new.
  expect(filter.thin(record(3, { t: 2 }))).toBeUndefined()
})
