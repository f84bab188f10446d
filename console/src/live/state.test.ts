import { expect, test } from 'vitest'
import { addMessages, mergeDevice, retryAfterMs } from './state.ts'

const point = (value: unknown) => ({ at: '2026-11-25T00:00:00Z', value })
const message = (n: number) => ({
  n,
  at: '',
  from: 'a',
  protocol: 'mqtt',
  topic: 't',
  qos: 0 as const,
  retain: false,
  bytes: 1,
  outcome: 'stored' as const,
})

test('a change adds to what is known, a snapshot and a replacement put it aside', () => {
  const known = mergeDevice(undefined, { values: { a: point(1), b: point(2) } }, true)
  expect(mergeDevice(known, { values: { b: point(3) }, touched: { shadow: 'x' } }, false)).toEqual({
    values: { a: point(1), b: point(3) },
    touched: { shadow: 'x' },
  })
  expect(mergeDevice(known, { values: { c: point(4) } }, true)?.values).toEqual({ c: point(4) })
  expect(mergeDevice(known, { replace: true, values: {} }, false)?.values).toEqual({})
  expect(mergeDevice(known, null, false)).toBeUndefined()
})

test('a key called __proto__ is a key like any other', () => {
  const part = JSON.parse('{"values":{"__proto__":{"at":"x","value":1}}}')
  const merged = mergeDevice(undefined, part, true)
  expect(Object.keys(merged?.values ?? {})).toEqual(['__proto__'])
  expect(Reflect.get({}, 'value')).toBeUndefined()
})

test('messages are shown newest first, once, and not more than asked for', () => {
  const known = addMessages([], [message(1), message(2)], 3)
  expect(addMessages(known, [message(2), message(3), message(4)], 3).map(({ n }) => n)).toEqual([4, 3, 2])
})

test('coming back is tried for ever, every 4 s at most during a restart, later every 30 s', () => {
  for (let tries = 0; tries < 100; tries++) {
    expect(retryAfterMs(tries, 0)).toBeGreaterThanOrEqual(250)
    expect(retryAfterMs(tries, 1)).toBeLessThanOrEqual(30_000)
  }
  expect(retryAfterMs(11, 1)).toBe(4000)
  expect(retryAfterMs(99, 1)).toBe(30_000)
})
