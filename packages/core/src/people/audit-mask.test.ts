import { expect, test } from 'vitest'
import { maskSecrets } from './audit-mask.ts'

test('passwords inside addresses are masked, and nothing else of them', () => {
  expect(maskSecrets({ url: 'amqp://ada:hunter2@rabbit:5672/%2f' })).toEqual({ url: 'amqp://ada:***@rabbit:5672/%2f' })
  expect(maskSecrets({ url: 'http://u:p@w@a/x and mqtt://b:c@d' })).toEqual({
    url: 'http://u:***@a/x and mqtt://b:***@d',
  })
  expect(maskSecrets({ url: 'http://host:8080/a?to=x@y' })).toEqual({ url: 'http://host:8080/a?to=x@y' })
  expect(maskSecrets({ url: '://' })).toEqual({ url: '://' })
})

test('fields that are named like secrets are masked whole', () => {
  expect(maskSecrets({ password: 'x', apiKey: 'y', name: 'z', nested: [{ token: 1 }] })).toEqual({
    password: '***',
    apiKey: '***',
    name: 'z',
    nested: [{ token: '***' }],
  })
})

test.each([
  ['one letter', 'a'.repeat(500_000)],
  ['schemes without end', 'a://'.repeat(100_000)],
  ['users without end', 'a://b:'.repeat(80_000)],
  ['at signs', `a://${'b:@'.repeat(150_000)}`],
])('a text of %s half a megabyte long costs no more than its length', (_name, text) => {
  const began = performance.now()
  maskSecrets({ text })
  expect(performance.now() - began).toBeLessThan(200)
})
