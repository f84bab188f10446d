import { expect, test } from 'vitest'
import { toAnswer } from './answer.ts'

const answer = (status: number, body: unknown, headers = {}) =>
  toAnswer({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }, (line) => line - 1, [
    'hush',
  ])

test('version 3 names the lines that it refused; all others are stored', () => {
  const data = [
    { original_line: 'a', line_number: 2, error_message: 'invalid column type hush' },
    { original_line: 'b', line_number: 7, error_message: 'no' },
  ]
  expect(answer(400, { error: 'partial write of line protocol occurred', data })).toEqual({
    outcome: 'partial',
    refused: [
      { index: 1, reply: 'invalid column type hush'.replace('hush', '[secret]') },
      { index: 6, reply: 'no' },
    ],
    retry: [],
  })
})

test.for([
  [204, '', 'delivered'],
  [400, { error: 'partial write: field type conflict dropped=1' }, 'WriteRefused'],
  [413, '<html>too large</html>', 'WriteRefused'],
  [422, { code: 'unprocessable entity', message: 'outside retention' }, 'WriteRefused'],
  [401, { error: 'authorization failed' }, 'Error'],
  [404, { error: 'database not found: "x"' }, 'Error'],
  [500, 'timeout', 'Error'],
] as const)('%s %o is %s', ([status, body, means]) => {
  const found = (() => {
    try {
      return answer(status, body).outcome
    } catch (error) {
      expect(error).toMatchObject({ message: expect.stringContaining(String(status)) })
      return (error as Error).name
    }
  })()
  expect(found).toBe(means)
})

test('waits for as long as it is asked to', () => {
  expect(() => answer(503, 'busy', { 'retry-after': '7' })).toThrow(
    expect.objectContaining({ name: 'WriteLater', message: '503 busy', afterMs: 7000 }),
  )
})
