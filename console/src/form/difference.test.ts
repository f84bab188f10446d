import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toDiff } from './difference.ts'
import { maskSecrets } from './schema.ts'

const show = (lines: ReturnType<typeof toDiff>): string[] => lines.map(({ sign, line }) => sign + line.trim())

test('a line that moves, or that is there twice, is told as well', () => {
  expect(show(toDiff({ a: [1, 2] }, { a: [2, 1] }))).toEqual([' {', ' "a": [', '-1,', '-2', '+2,', '+1', ' ]', ' }'])
  expect(show(toDiff([{ n: 1 }, { n: 1 }], [{ n: 1 }]))).toContain('-"n": 1')
  expect(toDiff({ same: true }, { same: true })).toEqual([])
})

test('the difference before saving tells no secret', () => {
  const schema = { properties: { token: { type: 'string', 'x-secret': true }, url: {} } }
  const masked = maskSecrets(schema, { token: 'hunter2', url: 'b' })
  const lines = show(toDiff(maskSecrets(schema, { token: { set: true }, url: 'a' }), masked))
  expect(lines.filter((line) => !line.startsWith(' '))).toEqual([
    '-"token": {',
    '-"set": true',
    '-},',
    '-"url": "a"',
    '+"token": "•••",',
    '+"url": "b"',
  ])
  expect(lines.join()).not.toContain('hunter2')
})

test('taking the minus lines out of the old and the plus lines into it gives the new', () => {
  const document = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 })
  fc.assert(
    fc.property(document, document, (before, after) => {
      const lines = toDiff(before, after)
      const count = (sign: string): number => lines.filter((each) => each.sign === sign).length
      const lengthOf = (value: unknown): number => JSON.stringify(value, null, 2).split('\n').length
      expect(lengthOf(before) - count('-') + count('+')).toBe(lengthOf(after))
    }),
  )
})
