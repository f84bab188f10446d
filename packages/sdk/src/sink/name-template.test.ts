import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupByName, type NameField, readNameTemplate } from './name-template.ts'

const all: readonly NameField[] = ['device', 'type', 'key', 'tag']
const clean = (text: string): string => text.replaceAll(/[^a-z0-9]/gi, '_')
const read = (text: string, fields = all) => readNameTemplate({ path: '/topic', text, fields, clean })
const record = { device: 'boiler.1', type: 'ölofen', tags: ['floor=2', 'site:Berlin/Mitte'] }

test.for([
  ['readings', 'readings'],
  ['{device}', 'boiler_1'],
  ['a/{type}/{key}.b', 'a/_lofen/em_0.b'],
  ['{tag:site}-{tag:floor}', 'Berlin_Mitte-2'],
  ['{tag:room}', '_'],
  ['', ''],
] as const)('%s is filled as %s', ([text, filled]) => {
  expect(read(text).of(record, 'em:0')).toBe(filled)
})

test('says whether it is fixed or by key', () => {
  expect([read('a').fixed, read('{type}').fixed, read('{type}').byKey, read('{key}').byKey]).toEqual([
    true,
    false,
    false,
    true,
  ])
})

test.for(['{topic}', '{tag}', '{tag:}', '{}', '{device', 'device}', '{{device}}', '{device:x}', '{__proto__}'])(
  '%s is refused with its path and what can be put in',
  (text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ name: 'BadConfig', path: '/topic', message: expect.stringContaining('{tag:NAME}') }),
    )
  },
)

test('a field that this name cannot hold is unknown to it', () => {
  expect(() => read('{key}', ['device', 'type'])).toThrow('{key} is unknown: {device}, {type} can be put in.')
})

test('what a device sends adds nothing but what the target has cleaned', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (key, device, tag) => {
      const filled = read('x/{device}/{key}/{tag:t}').of({ device, type: '', tags: [`t:${tag}`] }, key)
      expect(filled).toMatch(/^x\/[a-z0-9_]+\/[a-z0-9_]+\/[a-z0-9_]+$/i)
    }),
  )
})

test('a batch is put together by name, each record with its place', () => {
  const records = ['a', 'b', 'a'].map((type, n) => ({ id: `w:${n}`, device: 'd', type, at: n, values: {} }))
  expect(groupByName(records, read('t_{type}')).map(({ name, indices }) => [name, indices])).toEqual([
    ['t_a', [0, 2]],
    ['t_b', [1]],
  ])
})
