import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberText } from './member.ts'

test.each([
  ['{"payload":1}', '1'],
  ['{ "payload" : 21.50 , "id": 2}', '21.50'],
  ['{"payload":9007199254740993}', '9007199254740993'],
  ['{"payload":1e400}', '1e400'],
  ['{"id":"a,\\"payload\\":3","payload":"}]\\\\"}', '"}]\\\\"'],
  ['{"a":{"payload":1},"b":[{"payload":2}],"payload":[{"x":"]"}, {}]}', '[{"x":"]"}, {}]'],
  ['{"payload":1,"payload":2}', '2'],
  ['{"\\u0070ayload":7}', '7'],
  ['{}', undefined],
  ['{"x":{}}', undefined],
])('%s', (text, value) => expect(memberText(text, 'payload')).toBe(value))

test('what is found parses to what JSON.parse finds, for any object', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const key = fc.oneof(fc.constantFrom('payload', 'id', '__proto__', 'payload\\', '"'), fc.string())
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), fc.nat(3), (object, indent) => {
      const text = JSON.stringify(object, undefined, indent)
      for (const name of [...Object.keys(object), 'absent']) {
        const found = memberText(text, name)
        const value: unknown = Object.hasOwn(object, name) ? object[name] : undefined
        expect(found === undefined ? undefined : JSON.parse(found)).toEqual(
          value === undefined ? undefined : JSON.parse(JSON.stringify(value)),
        )
      }
    }),
    { seed, numRuns: 300 },
  )
})
