import { expect, test } from 'vitest'
import { toEnds } from './memory-curve.ts'

test('the ends of a curve are the middles of its first and last minute, or third', () => {
  const grows = Array.from({ length: 9 }, (_, i) => i)
  expect(toEnds(grows, 60)).toEqual({ firstKib: 1, lastKib: 7 })
  expect(toEnds(grows, 2)).toEqual({ firstKib: 0.5, lastKib: 7.5 })
  expect(toEnds([5], 60)).toEqual({ firstKib: 5, lastKib: 5 })
})
