import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import { expect, test } from 'vitest'
import { type FieldSchema, isRecord, isShown, toFieldErrors, toInitial, withField } from './schema.ts'

const plugins = fileURLToPath(new URL('../../../plugins/', import.meta.url))
const schemas = readdirSync(plugins).flatMap((name): [string, FieldSchema][] => {
  try {
    return [[name, JSON.parse(readFileSync(`${plugins}${name}/config.schema.json`, 'utf8'))]]
  } catch {
    return [] // a plugin without a configuration
  }
})
const kinds = new Set(['string', 'integer', 'number', 'boolean', 'array', 'object'])

const check = (path: string, schema: FieldSchema): string[] => [
  ...(kinds.has(schema.type ?? '') ? [] : [`${path} has no field for ${schema.type}`]),
  ...Object.entries(schema.properties ?? {}).flatMap(([key, field]) => check(`${path}.${key}`, field)),
  ...(schema.items ? check(`${path}[]`, schema.items) : []),
]

test.each(schemas)('every field of %s has a form field', (name, schema) => {
  expect(check(name, schema)).toEqual([])
})

test.each(schemas)('what the form of %s begins with is valid but for what a person must fill in', (_name, schema) => {
  const initial = toInitial(schema)
  expect(isRecord(initial)).toBe(true)
  const missing = (schema.required ?? []).filter((key) => isRecord(initial) && !Object.hasOwn(initial, key))
  const rest = { ...schema, required: (schema.required ?? []).filter((key) => !missing.includes(key)) }
  expect([...Value.Errors(rest, initial)]).toEqual([])
})

test('an emptied field is left out; fields that the schema does not know stay', () => {
  expect(withField({ a: 1, unknown: { deep: [1] } }, 'a', '')).toEqual({ unknown: { deep: [1] } })
  expect(withField({ unknown: 1 }, 'a', 0)).toEqual({ unknown: 1, a: 0 })
  const hostile = withField({}, '__proto__', { x: 1 })
  expect([Object.keys(hostile), Reflect.get({}, 'x')]).toEqual([['__proto__'], undefined])
})

test('a field is shown by the value of the one beside it', () => {
  const schema = { 'x-when': { field: 'mode', is: 'tls' } }
  expect([isShown(schema, { mode: 'tls' }), isShown(schema, {}), isShown({}, {})]).toEqual([true, false, true])
})

test('errors of the platform find their field', () => {
  const errors = toFieldErrors([{ path: '/config/headers/0/name', message: 'is needed' }], '/config')
  expect([...errors]).toEqual([['headers.0.name', 'is needed']])
})
