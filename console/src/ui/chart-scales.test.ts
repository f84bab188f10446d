import { expect, test } from 'vitest'
import { toScales } from './chart-scales.ts'

test('each unit has a scale of its own, and without units what is of like size shares one', () => {
  expect(
    toScales([
      { unit: '°C', values: [80] },
      { unit: 'bar', values: [3] },
      { unit: '°C', values: [1] },
    ]),
  ).toEqual(['y1', 'y2', 'y1'])
  expect(toScales([{ values: [80, null] }, { values: [-60, undefined] }, { values: [3] }, { values: [0] }])).toEqual([
    'y1',
    'y1',
    'y2',
    'y3',
  ])
})
