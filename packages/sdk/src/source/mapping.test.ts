import { Value } from 'typebox/value'
import { expect, test } from 'vitest'
import { toConfigSchema } from '../fields.ts'
import { compileMapping, type MappingConfig, mappingFields } from './mapping.ts'
import { ofItem, type SourceMessage, toItem } from './source-message.ts'
import { toMicros } from './time-text.ts'

const message = (value: unknown, more: Partial<SourceMessage> = {}): SourceMessage => ({
  id: 't:0:1',
  where: 't[0]@1',
  topic: 't',
  key: 'boiler-1',
  headers: new Map([['site', 'north']]),
  at: 5_000_000,
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  isNamed: true,
  ...more,
})
const mapping = (config: Record<string, unknown> = {}) =>
  compileMapping(Value.Default(toConfigSchema(mappingFields), config) as MappingConfig)
const read = (value: unknown, config: Record<string, unknown> = {}, more: Partial<SourceMessage> = {}) =>
  mapping(config).toReadings(message(value, more))

test('what the sinks write is read without a word of mapping', () => {
  const at = '2025-11-24T16:00:00.000001Z'
  expect(read({ device: 'd', at, values: { n: 1, open: true } })).toEqual([
    {
      device: 'd',
      at: 1_764_000_000_000_001,
      values: [
        ['n', 1],
        ['open', true],
      ],
      tags: [],
    },
  ])
})

test('so are plain values under the key of the message, of its own time', () => {
  expect(read({ temperature: 21.5, gone: null })).toEqual([
    { device: 'boiler-1', at: 5_000_000, values: [['temperature', 21.5]], tags: [] },
  ])
  expect(read('21.5')[0]).toMatchObject({ device: 'boiler-1', values: [['value', 21.5]] })
  expect(
    read([
      { ts: 1, a: 1 },
      { ts: 2, a: 2 },
    ]).map(({ at }) => at),
  ).toEqual([1000, 2000])
})

test('device, time and values come from where a person says', () => {
  const document = { meta: { serial: 7, when: 12 }, data: { 'a/b': 1, 'c~d': [2] }, line: 'x' }
  const config = {
    device: 'meter-{/meta/serial}.{header.site}',
    time: '/meta/when',
    timeUnit: 's',
    keys: [
      { key: 'one', from: '/data/a~1b' },
      { key: 'two', from: '/data/c~0d/0' },
      { key: 'none', from: '/data/constructor' },
    ],
    createDevices: { type: 'meter', tags: 'site-{header.site}, fixed, {/absent}' },
  }
  expect(read(document, config)).toEqual([
    {
      device: 'meter-7.north',
      at: 12_000_000,
      values: [
        ['one', 1],
        ['two', 2],
      ],
      tags: ['site-north', 'fixed'],
    },
  ])
  expect(read({ device: 'd', payload: { x: 1 } }, { values: '/nothing|/payload' })[0]?.values).toEqual([['x', 1]])
})

test.for([
  ['no JSON', '{', /no JSON/],
  ['no text', Buffer.from([0xff, 0xfe]).toString('latin1'), /no JSON/],
  ['no values', { device: 'd' }, /no value/],
  ['a wrong id', { device: 'a/b', n: 1 }, /"a\/b" is no device id/],
  ['a wrong time', { at: 'yesterday', n: 1 }, /"yesterday" is no time/],
  ['a time before 1970', { ts: -1, n: 1 }, /is no time/],
  ['too deep', `{"n":${'['.repeat(60)}${']'.repeat(60)}}`, /deeper than 32/],
] as const)('%s is refused with a sentence', ([, value, says]) => {
  expect(() => read(value)).toThrow(says)
})

test('nothing names the device', () => {
  expect(() => read({ n: 1 }, {}, { key: undefined })).toThrow('Nothing names the device')
})

test('keys of a message stay keys', () => {
  const [reading] = read('{"device":"d","values":{"__proto__":1,"constructor":2}}')
  expect(reading?.values).toEqual([
    ['__proto__', 1],
    ['constructor', 2],
  ])
})

test('a field that cannot be read is named', () => {
  expect(() => mapping({ device: '{serial}' })).toThrow(expect.objectContaining({ path: '/device' }))
  expect(() => mapping({ time: 'at' })).toThrow(expect.objectContaining({ path: '/time' }))
  expect(() => mapping({ values: 'x' })).toThrow(expect.objectContaining({ path: '/values' }))
  expect(() => mapping({ keys: [{ key: 'a', from: 'b' }] })).toThrow(expect.objectContaining({ path: '/keys' }))
})

test.for([
  [1_764_000_000_000.5, 'ms', 1_764_000_000_000_500],
  ['1764000000', 's', 1_764_000_000_000_000],
  [1_764_000_000_000_000_000, 'ns', 1_764_000_000_000_000],
  ['2025-11-24T17:00:00+01:00', 'ms', 1_764_000_000_000_000],
  ['2025-11-24 16:00:00.123456789', 'ms', 1_764_000_000_123_456],
  ['2025-11-24', 'ms', undefined],
  [true, 'ms', undefined],
  [1e300, 'ms', undefined],
] as const)('%s in %s is %s µs', ([value, unit, micros]) => {
  expect(toMicros(value, unit)).toBe(micros)
})

test('a dead letter is the message that it was', () => {
  const sent = message({ device: 'd', values: { n: 1 } })
  expect(ofItem(toItem(sent))).toMatchObject({
    topic: 't',
    key: 'boiler-1',
    at: 5_000_000,
    headers: sent.headers,
    bytes: Buffer.from(sent.bytes),
  })
  const binary = message('', { bytes: Buffer.from([0xff, 0, 1]) })
  expect(toItem(binary)).toMatchObject({ base64: true })
  expect(ofItem(toItem(binary)).bytes).toEqual(binary.bytes)
  expect(toItem(message('', { bytes: Buffer.alloc(100_000, 'x') }))).toMatchObject({ cut: true })
})
