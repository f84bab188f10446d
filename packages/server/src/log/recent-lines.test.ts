import { expect, test } from 'vitest'
import { createRecentLines, maxRecentBytes, maxRecentLines } from './recent-lines.ts'

test('keeps the last lines, by number and by size', () => {
  const recent = createRecentLines()
  for (let n = 0; n < maxRecentLines * 3; n += 1) recent.add(`line ${n}`)
  expect(recent.list()).toHaveLength(maxRecentLines)
  expect(recent.list()[0]).toBe(`line ${maxRecentLines * 2}`)
  expect(recent.list().at(-1)).toBe(`line ${maxRecentLines * 3 - 1}`)
  const long = 'x'.repeat(maxRecentBytes / 4)
  for (let n = 0; n < 10; n += 1) recent.add(`${long}${n}`)
  expect(recent.list().map((line) => line.slice(-1))).toEqual(['7', '8', '9'])
  recent.add('y'.repeat(maxRecentBytes + 1))
  expect(recent.list()).toEqual([])
})
