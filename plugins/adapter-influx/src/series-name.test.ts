import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ofKey, toKey } from './series-name.ts'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test.each([
  ['temperature', 'temperature', [], 'value'],
  ['cpu.usage', 'cpu', [], 'usage'],
  ['a.b.c', 'a.b', [], 'c'],
  ['.hidden', '.hidden', [], 'value'],
  ['end.', 'end.', [], 'value'],
  ['a,b', 'a,b', [], 'value'],
  ['disk{path=/mnt/a.b}.used', 'disk', [['path', '/mnt/a.b']], 'used'],
  [
    'd%2Cx{a%3Db=c d;e=50%25}.f',
    'd,x',
    [
      ['a=b', 'c d'],
      ['e', '50%'],
    ],
    'f',
  ],
  ['a{b}.c', 'a{b}', [], 'c'],
] as const)('the key %s is %s %j %s', (key, measurement, tags, field) =>
  expect(ofKey(key)).toEqual({ measurement, tags, field }),
)

test('the only field value is not part of the key, one beside others is', () => {
  const of = { measurement: 'm', tags: [], field: 'value' }
  expect([toKey(of, true), toKey(of, false)]).toEqual(['m', 'm.value'])
  expect(ofKey('m.value')).toEqual(of)
})

test(`a name with tags is read back as it was (seed ${seed})`, () => {
  const text = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(...Array.from('ab.,=;{}% \\é')) })
  const tags = fc.uniqueArray(fc.tuple(text, text), { minLength: 1, maxLength: 3, selector: ([each]) => each })
  fc.assert(
    fc.property(
      text,
      tags,
      text.filter((each) => !each.includes('.')),
      (measurement, list, field) => {
        const name = { measurement, tags: list, field }
        expect(ofKey(toKey(name, true))).toEqual(name)
      },
    ),
    { seed, numRuns: 500 },
  )
})
