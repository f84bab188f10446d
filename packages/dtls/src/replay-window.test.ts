import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReplayWindow } from './replay-window.ts'

test('lets every record of the last 64 through once, and none before them', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 300 }), (sequences) => {
      const window = createReplayWindow()
      const seen = new Set<number>()
      let highest = -1
      for (const sequence of sequences) {
        const expected = sequence > highest || (highest - sequence < 64 && !seen.has(sequence))
        expect(window.mayBeNew(sequence)).toBe(expected)
        if (!expected) continue
        window.mark(sequence)
        seen.add(sequence)
        highest = Math.max(highest, sequence)
      }
    }),
  )
})

test('takes numbers of 48 bits', () => {
  const window = createReplayWindow()
  window.mark(2 ** 48 - 2)
  expect([2 ** 48 - 3, 2 ** 48 - 2, 2 ** 48 - 1, 0].map((sequence) => window.mayBeNew(sequence))).toEqual([
    true,
    false,
    true,
    false,
  ])
})
