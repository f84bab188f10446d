import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { HotColumns } from './hot-columns.ts'

const NONE = -1
const FIRST_ROWS = 4_096

test('rows that are moved together stay what they were, in their order and chains', () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.oneof(fc.integer(), fc.string()), fc.boolean())),
      fc.constantFrom(1, FIRST_ROWS, 3 * FIRST_ROWS),
      (rows, more) => {
        const columns = new HotColumns()
        const heads = new Map([1, 2, 3].map((series) => [series, { head: NONE }]))
        const live: [number, number, number | string][] = []
        for (const [seq, [series, value, dies]] of rows.entries()) {
          const chain = heads.get(series)!
          const isText = typeof value === 'string'
          const [number, text] = isText ? [0, value] : [value, undefined]
          const row = columns.push(seq, series, seq * 2, isText ? 2 : 0, number, text, chain.head)
          if (dies) columns.kill(row)
          else live.push([seq, series, value])
        }
        for (const chain of heads.values()) chain.head = NONE
        columns.compact(more, live.length, (series) => heads.get(series))
        expect(columns.fits(more)).toBe(true)
        expect(columns.length).toBe(live.length)
        expect(live.map((_, row) => columns.row(row))).toEqual(
          live.map(([seq, , value]) => ({ seq, at: seq * 2, kind: typeof value === 'string' ? 2 : 0, value })),
        )
        expect(columns.textLength).toBe(live.reduce((sum, [, , v]) => sum + (typeof v === 'string' ? v.length : 0), 0))
        for (const [series, { head }] of heads) {
          const chained: number[] = []
          for (let row = head; row !== NONE; row = columns.prev[row]!) chained.unshift(columns.seq[row]!)
          expect(chained).toEqual(live.filter(([, own]) => own === series).map(([seq]) => seq))
        }
      },
    ),
    { numRuns: 200 },
  ))

test('a steady load stays in the columns it has', () => {
  const columns = new HotColumns()
  const chain = { head: NONE }
  const held = 2_000
  let before: Float64Array | undefined
  for (let seq = 0; seq < 50_000; seq++) {
    if (!columns.fits(1)) {
      chain.head = NONE
      columns.compact(1, held, () => chain)
      expect(columns.seq).toBe((before ??= columns.seq))
    }
    chain.head = columns.push(seq, 1, seq, 0, seq, undefined, chain.head)
    if (seq >= held) columns.kill(columns.placeAfter(seq - held - 1))
  }
  expect(columns.row(columns.length - 1).at).toBe(49_999)
})
