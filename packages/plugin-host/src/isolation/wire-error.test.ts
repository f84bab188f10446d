import { NotReady } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { fromWireError, toBareWireError, toWireError } from './wire-error.ts'

const thrown = (): NotReady => {
  const cause = new Error('connect ECONNREFUSED', { cause: new TypeError('no route', { cause: 'a text' }) })
  return new NotReady('The meter does not answer.', { cause })
}

test('an error arrives with where it was thrown and what it came of', () => {
  const sent = thrown()
  const error = fromWireError(JSON.parse(JSON.stringify(toWireError(sent))))
  expect(error).toMatchObject({ name: 'NotReady', message: 'The meter does not answer.', stack: sent.stack })
  expect(error.stack).toContain('wire-error.test.ts')
  expect(error.cause).toMatchObject({
    message: 'connect ECONNREFUSED',
    cause: { name: 'TypeError', message: 'no route' },
  })
})

test('causes without end are cut, on either side', () => {
  const loop = new Error('round')
  loop.cause = loop
  const depth = (error: unknown): number => (error instanceof Error ? 1 + depth(error.cause) : 0)
  expect(depth(fromWireError(toWireError(loop)))).toBe(5)
  const wire: Record<string, unknown> = { message: 'round' }
  wire['cause'] = wire
  expect(depth(fromWireError(wire))).toBe(5)
})

test('of the host’s own errors only what they say crosses', () => {
  expect(toBareWireError(thrown())).toEqual({
    name: 'NotReady',
    message: 'The meter does not answer.',
    stack: '',
    kind: 'not-ready',
  })
})
