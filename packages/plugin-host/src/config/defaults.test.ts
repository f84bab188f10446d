import { definePlugin } from '@patchbay/sdk'
import { describe, expect, test } from 'vitest'
import { toFields } from './schema-of-json.ts'
import { validateConfig } from './validate.ts'

// As an author writes it by hand, or takes it from elsewhere: JSON and nothing more.
const written = JSON.parse(`{
  "type": "object",
  "additionalProperties": false,
  "required": ["host", "port", "mode", "registers", "retry"],
  "properties": {
    "host": { "type": "string", "minLength": 1 },
    "port": { "type": "integer", "default": 502, "minimum": 1, "maximum": 65535 },
    "mode": { "type": "string", "enum": ["tcp", "rtu"], "default": "tcp" },
    "note": { "type": "string", "default": "none" },
    "token": { "type": "string" },
    "registers": {
      "type": "array",
      "default": [{ "number": 7 }],
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["number", "scale"],
        "properties": { "number": { "type": "integer" }, "scale": { "type": "number", "default": 0.1 } }
      }
    },
    "retry": {
      "type": "object",
      "default": {},
      "required": ["ms"],
      "properties": { "ms": { "type": "integer", "default": 1000 } }
    }
  }
}`)

describe.each([
  ['as it is written', written],
  ['as the SDK makes it', definePlugin({ config: written, setup: () => undefined }).configSchema],
  ['as it comes out of a worker', definePlugin({ config: toFields(written), setup: () => undefined }).configSchema],
])('a configuration by plain JSON Schema, %s', (_how, schema) => {
  test('has its defaults, in groups and rows too', () => {
    expect(validateConfig(schema, { host: 'a', registers: [{ number: 1 }, { number: 2, scale: 1 }] })).toEqual({
      ok: true,
      config: {
        host: 'a',
        port: 502,
        mode: 'tcp',
        note: 'none',
        registers: [
          { number: 1, scale: 0.1 },
          { number: 2, scale: 1 },
        ],
        retry: { ms: 1000 },
      },
    })
  })

  test('has a default of its own each time, filled in itself', () => {
    const first = validateConfig(schema, { host: 'a' })
    expect(first).toMatchObject({ ok: true, config: { registers: [{ number: 7, scale: 0.1 }] } })
    if (first.ok) Object.assign(first.config['retry'] ?? {}, { ms: 1 })
    expect(validateConfig(schema, { host: 'a' })).toMatchObject({ config: { retry: { ms: 1000 } } })
  })

  test.each([
    ['a value of another type', { host: 'a', port: '502' }, '/port'],
    ['a value out of its range', { host: 'a', port: 0 }, '/port'],
    ['a value that is none of the choices', { host: 'a', mode: 'x' }, '/mode'],
    ['a row without its number', { host: 'a', registers: [{}] }, '/registers/0/number'],
    ['a missing value without default', {}, '/host'],
    ['a name that it does not know', { host: 'a', extra: 1 }, '/extra'],
  ])('is refused for %s', (_what, config, path) => {
    expect(validateConfig(schema, config)).toMatchObject({ ok: false, errors: [{ path }] })
  })
})

test('a schema of a stranger that says more than fields can is refused in words', () => {
  const of = (property: unknown) => () => toFields({ type: 'object', properties: { a: property } })
  expect(of({ oneOf: [{ type: 'string' }] })).toThrow('a field of type undefined')
  expect(of({ type: 'string', 'x-setting': 'PATCHBAY_API_KEY' })).toThrow('x-setting')
})
