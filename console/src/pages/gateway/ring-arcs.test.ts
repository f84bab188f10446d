import { expect, test } from 'vitest'
import { toArcs, toPath } from './ring-arcs.ts'

test('neighbours of one node are one arc', () => {
  expect(toArcs([0, 0, 1, 0])).toEqual([
    { owner: 0, from: 0, to: 2 },
    { owner: 1, from: 2, to: 3 },
    { owner: 0, from: 3, to: 4 },
  ])
  expect(toArcs([])).toEqual([])
})

test('a quarter begins at the top, and a whole circle is two halves that can be seen', () => {
  expect(toPath([{ owner: 0, from: 0, to: 1 }], 4, 50, 100)).toBe(
    'M0.00 -100.00A100 100 0 0 1 100.00 0.00L50.00 0.00A50 50 0 0 0 0.00 -50.00Z',
  )
  expect(toPath([{ owner: 0, from: 0, to: 4 }], 4, 50, 100).match(/M/g)).toHaveLength(2)
})
