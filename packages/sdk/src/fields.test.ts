import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { definePlugin, isPlugin } from './define-plugin.ts'
import { field, toConfigSchema, type ConfigOf } from './fields.ts'

const check = (schema: TSchema, value: unknown): boolean => Value.Check(schema, value)

describe('fields', () => {
  test('make one closed schema, with hints for the form, and the types of the configuration', () => {
    const fields = {
      host: field.host({ title: 'Host', description: 'Where it is' }),
      port: field.integer({ default: 502, minimum: 1, maximum: 65_535 }),
      mode: field.choice(['fast', 'safe'], { default: 'safe' }),
      token: field.optional(field.secret({ when: { field: 'mode', is: 'safe' } })),
      rows: field.table({ name: field.text() }, { maxItems: 3 }),
    }
    expectTypeOf<ConfigOf<typeof fields>>().toEqualTypeOf<{
      token?: string
      host: string
      port: number
      mode: 'fast' | 'safe'
      rows: { readonly name: string }[]
    }>()
    const schema = JSON.parse(JSON.stringify(toConfigSchema(fields)))
    expect(schema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['host', 'port', 'mode', 'rows'],
    })
    expect(schema.properties.token).toMatchObject({
      'x-secret': true,
      'x-widget': 'secret',
      'x-when': { field: 'mode', is: 'safe' },
    })
    expect(schema.properties.host).toMatchObject({ title: 'Host', description: 'Where it is', 'x-widget': 'host' })
    expect(schema.properties.rows).toMatchObject({
      maxItems: 3,
      'x-widget': 'table',
      items: { additionalProperties: false },
    })
  })

  test.each([
    ['text', field.text(), ['a'], ['', 1, null]],
    ['text with default', field.text({ default: '' }), ['', 'a'], [1]],
    ['multiline', field.multiline({ maxLength: 3 }), ['', 'a\nb'], ['abcd']],
    ['integer', field.integer({ minimum: 1, maximum: 2 }), [1, 2], [0, 3, 1.5, '1']],
    ['number', field.number({ minimum: 0 }), [0, 1.5], [-1, Number.NaN]],
    ['toggle', field.toggle(), [true, false], ['true', 0]],
    ['choice', field.choice(['a', 'b']), ['a'], ['c', '']],
    ['duration', field.duration(), ['500ms', '30s', '5m', '12h', '7d'], ['5', 's', '-1s', '1w', '1.5h']],
    ['topic', field.topic(), ['a/b'], ['']],
    ['url', field.url({ protocols: ['mqtts'] }), ['mqtts://h'], ['http://h', 'mqtts://a b']],
    ['host', field.host(), ['a.b', '::1', 'h:1'], ['', 'a b', 'a/b']],
    ['secret', field.secret(), ['x'], ['', 7]],
    ['list', field.list(field.text(), { maxItems: 1 }), [[], ['a']], [['a', 'b'], [1]]],
    ['group', field.group({ a: field.text() }), [{ a: 'x' }], [{}, { a: 'x', b: 1 }]],
  ] as const)('%s takes and refuses', (_kind, schema, good, bad) => {
    expect(good.filter((value) => !check(schema, value))).toEqual([])
    expect(bad.filter((value) => check(schema, value))).toEqual([])
  })

  test('a plugin is known by its brand, also from another copy of the SDK', () => {
    const plugin = definePlugin({ config: {}, setup: () => undefined })
    expect(isPlugin(plugin)).toBe(true)
    expect(isPlugin({ [Symbol.for('patchbay.plugin')]: true })).toBe(true)
    expect(isPlugin({ setup: () => undefined })).toBe(false)
    expect(isPlugin(undefined)).toBe(false)
  })
})

test('a configuration may be one JSON Schema, whose types reach ctx.config', () => {
  const config = {
    type: 'object',
    required: ['host'],
    properties: { host: { type: 'string' }, port: { type: 'integer', default: 502 } },
  } as const
  const plugin = definePlugin({
    config,
    setup(ctx) {
      expectTypeOf(ctx.config.host).toEqualTypeOf<string>()
      expectTypeOf(ctx.config.port).toEqualTypeOf<number | undefined>()
    },
  })
  expect(JSON.parse(JSON.stringify(plugin.configSchema))).toEqual({ ...config, additionalProperties: false })
})
