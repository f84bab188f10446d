import { field, toConfigSchema } from '@patchbay/sdk'
import { describe, expect, test } from 'vitest'
import { createInstanceLog, createRedactor } from './redactor.ts'
import { keepSecrets, maskConfig, openConfig, sealConfig, secretsOf } from './secrets.ts'
import { validateConfig } from './validate.ts'

const box = { seal: (text: string) => `<${text}>`, open: (text: string) => text.slice(1, -1) }
const schema = toConfigSchema({
  name: field.text(),
  token: field.optional(field.secret()),
  login: field.optional(field.group({ user: field.text(), password: field.secret() })),
  keys: field.list(field.secret()),
  servers: field.table(
    { host: field.host(), port: field.optional(field.integer()), password: field.secret() },
    { maxItems: 5 },
  ),
})
const config = {
  name: 'n',
  token: 't0ken',
  login: { user: 'u', password: 'p4ss' },
  keys: ['k1', 'k2'],
  servers: [
    { host: 'a', password: 'pa' },
    { host: 'b', password: 'pb' },
  ],
}

describe('secrets', () => {
  test('are sealed wherever the schema says so, opened and masked', () => {
    const sealed = sealConfig(schema, config, box)
    expect(sealed).toMatchObject({
      name: 'n',
      token: { $sealed: '<t0ken>' },
      keys: [{ $sealed: '<k1>' }, { $sealed: '<k2>' }],
    })
    expect(openConfig(sealed, box)).toEqual(config)
    expect(maskConfig(sealed)).toEqual({
      name: 'n',
      token: { set: true },
      login: { user: 'u', password: { set: true } },
      keys: [{ set: true }, { set: true }],
      servers: [
        { host: 'a', password: { set: true } },
        { host: 'b', password: { set: true } },
      ],
    })
    expect(secretsOf(schema, config)).toEqual(['t0ken', 'p4ss', 'k1', 'k2', 'pa', 'pb'])
  })

  test('a sealed form that a client sends is no secret', () => {
    const { config: kept } = keepSecrets(schema, { name: 'n', token: { $sealed: '<x>' } }, config)
    expect(validateConfig(schema, kept)).toMatchObject({ ok: false, errors: [{ path: '/token' }] })
  })

  test('stay with their rows when rows change places', () => {
    const set = { set: true }
    const { config: kept, errors } = keepSecrets(
      schema,
      {
        name: 'n',
        servers: [
          { host: 'b', password: set },
          { host: 'a', password: set },
        ],
      },
      config,
    )
    expect(errors).toEqual([])
    expect(kept).toMatchObject({
      servers: [
        { host: 'b', password: 'pb' },
        { host: 'a', password: 'pa' },
      ],
    })
  })

  test('stay in place when the row itself is changed, and are missing in a new one', () => {
    const set = { set: true }
    const { config: kept, errors } = keepSecrets(
      schema,
      {
        name: 'n',
        servers: [
          { host: 'a', port: 2, password: set },
          { host: 'b', password: 'new' },
          { host: 'c', password: set },
        ],
      },
      config,
    )
    expect(kept).toMatchObject({ servers: [{ port: 2, password: 'pa' }, { password: 'new' }, {}] })
    expect(errors).toEqual([expect.objectContaining({ path: '/servers/2/password', code: 'secret-missing' })])
  })

  test('are not kept for another address than they were entered for', () => {
    const set = { set: true }
    const wide = toConfigSchema({
      url: field.url({ default: 'https://example.org/' }),
      brokers: field.list(field.text(), { target: true }),
      via: field.group({ hosts: field.list(field.host()) }),
      note: field.text(),
      token: field.secret(),
      servers: field.table({ host: field.host(), password: field.secret() }, { maxItems: 5 }),
    })
    const stored = {
      url: 'https://example.org/',
      brokers: ['a:1'],
      via: { hosts: ['h'] },
      note: 'n',
      token: 't0ken',
      servers: [{ host: 'a', password: 'pa' }],
    }
    const sent = { ...stored, url: undefined, token: set, servers: [{ host: 'a', password: set }] }
    const errorsOf = (more: object) =>
      keepSecrets(wide, { ...sent, ...more }, stored).errors.map(({ path, code }) => [path, code])
    const all = ['/token', '/servers/0/password'].map((path) => [path, 'secret-target-changed'])
    expect(errorsOf({ note: 'other' })).toEqual([])
    expect(errorsOf({ url: 'https://example.com/' })).toEqual(all)
    expect(errorsOf({ brokers: ['a:1', 'b:1'] })).toEqual(all)
    expect(errorsOf({ via: { hosts: ['h2'] } })).toEqual(all)
    // A row has an address of its own.
    expect(errorsOf({ servers: [{ host: 'z', password: set }] })).toEqual(all.slice(1))
    expect(errorsOf({ url: 'https://example.com/', token: 'new', servers: [{ host: 'a', password: 'new' }] })).toEqual(
      [],
    )
  })

  test('one that cannot be opened is named by its field', () => {
    const broken = {
      seal: box.seal,
      open: () => {
        throw new Error('other key.')
      },
    }
    expect(() => openConfig(sealConfig(schema, config, box), broken)).toThrow('/token cannot be opened: other key.')
  })
})

describe('validation', () => {
  test('applies defaults in rows, converts nothing', () => {
    const rows = toConfigSchema({
      t: field.table({ n: field.text(), k: field.integer({ default: 3 }) }, { maxItems: 2 }),
    })
    expect(validateConfig(rows, { t: [{ n: 'a' }] })).toEqual({ ok: true, config: { t: [{ n: 'a', k: 3 }] } })
    expect(validateConfig(rows, { t: [{ n: 'a', k: '3' }] })).toMatchObject({
      ok: false,
      errors: [{ path: '/t/0/k', code: 'type' }],
    })
    expect(validateConfig(rows, { t: [{}, { n: 'a' }, { n: 'b' }] }).ok).toBe(false)
  })

  test.each([
    ['no object', 7],
    ['null', null],
    ['a list', []],
    ['a deep one', JSON.parse(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`)],
    ['own __proto__', JSON.parse('{"__proto__":{"polluted":1}}')],
    ['a large one', { keys: Array.from({ length: 30_000 }, () => 'k') }],
    ['not a number', { name: Number.NaN }],
  ])('refuses %s', (_what, input) => {
    expect(validateConfig(schema, input).ok).toBe(false)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('does not change what it was given', () => {
    const input = Object.freeze({ name: 'n' })
    const result = validateConfig(schema, input)
    expect(result).toMatchObject({ ok: true, config: { keys: [], servers: [] } })
    expect(input).toEqual({ name: 'n' })
  })
})

describe('the redactor', () => {
  test('masks secrets in texts, addresses, headers, errors and keys, and short ones where they stand alone', () => {
    const redactor = createRedactor(['p@ss word', 'abc'])
    expect(redactor.text('x p@ss word y')).toBe('x [secret] y')
    expect(redactor.text('https://u:p%40ss%20word@h')).toBe('https://u:[secret]@h')
    expect(redactor.text(`Basic ${Buffer.from('p@ss word').toString('base64')}`)).toBe('Basic [secret]')
    expect(redactor.text('abcdef')).toBe('abcdef')
    expect(redactor.value({ a: ['abc', { 'p@ss word': 1n }], b: Buffer.from('x') })).toEqual({
      a: ['[secret]', { '[secret]': 1n }],
      b: '[1 bytes]',
    })
    const error = new Error('with p@ss word', { cause: new Error('p@ss word') })
    expect(JSON.stringify(redactor.value(error))).not.toContain('p@ss')
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    expect(() => redactor.value(loop)).not.toThrow()
  })

  test('the log of an instance names it, and its fields cannot say otherwise', () => {
    const lines: unknown[] = []
    const write = (message: string, fields?: Record<string, unknown>) => void lines.push([message, fields])
    const log = createInstanceLog(
      { debug: write, info: write, warn: write, error: write },
      { plugin: 'p', name: 'a' },
      createRedactor(['secret']),
    )
    log.info('my secret', { plugin: 'other' })
    expect(lines).toEqual([['my [secret]', { plugin: 'p', instance: 'a' }]])
  })
})
