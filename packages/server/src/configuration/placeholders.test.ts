import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapePlaceholders, fillKnown, fillPlaceholders, isPlaceholder, toPlaceholder } from './placeholders.ts'

const env = { USER_NAME: 'ada', EMPTY: '', TRICK: '${USER_NAME}' }

test('fills texts wherever they stand, and names what is missing by its path', () => {
  const value = { a: ['${USER_NAME}', 1, { 'b/c': 'x${NOPE}y' }], d: '$${USER_NAME} ${EMPTY}.' }
  expect(fillPlaceholders(value, env)).toEqual({
    value: { a: ['ada', 1, { 'b/c': 'x${NOPE}y' }], d: '${USER_NAME} .' },
    missing: [{ path: '/a/2/b~1c', name: 'NOPE' }],
  })
})

test('a value that looks like a placeholder is not filled again, nor by whoever gets it next', () => {
  expect(fillPlaceholders('${TRICK}', env).value).toBe('${USER_NAME}')
  expect(fillPlaceholders(fillKnown('${TRICK} ${OTHER} $${X}', env), { OTHER: 'o' })).toEqual({
    value: '${USER_NAME} o ${X}',
    missing: [],
  })
})

test('what the prototype has is no variable', () => {
  expect(fillPlaceholders('${toString}${constructor}', {}).missing).toHaveLength(2)
  const polluting: unknown = JSON.parse('{"__proto__": {"x": "${USER_NAME}"}, "y": "${USER_NAME}"}')
  expect(fillPlaceholders(polluting, env).value).toEqual({ y: 'ada' })
})

test('any text comes back from its escaped form', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[${}A-Za-z_ ]{0,30}$/), (text) => {
      expect(fillPlaceholders(escapePlaceholders(text), env)).toEqual({ value: text, missing: [] })
    }),
  )
})

test('makes names that a shell takes', () => {
  expect(toPlaceholder('instances', 'sink-influxdb/main', '/token')).toBe('${INSTANCES_SINK_INFLUXDB_MAIN_TOKEN}')
  expect(isPlaceholder(toPlaceholder('channels', 'ops 1', '/headers/0/value'))).toBe(true)
})
