import { expect, test } from 'vitest'
import { toPassing, wordsOfBody } from './http-answer.ts'

test.for([
  ['{"error":"no such database"}', 'no such database'],
  ['{"code":"invalid","message":"cast error in line 2"}', 'cast error in line 2'],
  ['{"error":{"deep":1},"message":"words"}', 'words'],
  ['{"other":1}', '{"other":1}'],
  ['"text"', '"text"'],
  ['<html>502</html>', '<html>502</html>'],
  ['', ''],
] as const)('of %s the words are %s', ([body, words]) => {
  expect(wordsOfBody(body)).toBe(words)
})

test('an answer that asks to wait is one to come back to later', () => {
  expect(toPassing({ headers: {} }, '500 no')).toMatchObject({ name: 'Error', message: '500 no' })
  expect(toPassing({ headers: { 'retry-after': '7' } }, '503 busy')).toMatchObject({
    name: 'WriteLater',
    message: '503 busy',
    afterMs: 7000,
  })
})
