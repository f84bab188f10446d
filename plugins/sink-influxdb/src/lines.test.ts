import type { SinkRecord } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { createLines } from './lines.ts'

const record: SinkRecord = {
  id: 'w:1',
  device: 'boiler-1',
  type: 'boiler',
  at: 1_764_000_000_000_001,
  values: { temperature: 21.5, open: true, state: 'a "b"\n\\', where: { lat: 1 } },
}
const of = (measurement: string, more: Partial<SinkRecord> = {}, numbersOnly = false): string =>
  createLines({ measurement, numbersOnly }).of({ ...record, ...more })

test('a measurement a key, its value in the field value', () => {
  expect(of('{key}')).toBe(
    'temperature,device=boiler-1 value=21.5 1764000000000001\n' +
      'open,device=boiler-1 value=t 1764000000000001\n' +
      'state,device=boiler-1 value="a \\"b\\"\n\\\\" 1764000000000001\n' +
      'where,device=boiler-1 value="{\\"lat\\":1}" 1764000000000001\n',
  )
})

test('a field a key, under a name that may hold type and device', () => {
  expect(of('my {type}', { values: { 'a b': 1, time: 2, device: 3 } })).toBe(
    'my\\ boiler,device=boiler-1 a\\ b=1,time_=2,device_=3 1764000000000001\n',
  )
  expect(of('{type}', {}, true)).toBe('boiler,device=boiler-1 temperature=21.5,open=t 1764000000000001\n')
})

test('nothing of a record that has only what is left out', () => {
  expect(of('{type}', { values: { state: 'a' } }, true)).toBe('')
  expect(of('{key}', { values: { state: 'a' } }, true)).toBe('')
})

test('names that the protocol has no spelling for are told apart from lines', () => {
  const values = JSON.parse('{"#a": 1, "b\\nc": 2, "d\\\\": 3, "": 4, "__proto__": 5}')
  expect(of('{key}', { values }).split('\n').slice(0, 5)).toEqual(
    ['_#a', 'b_c', 'd_', '_', '__proto__'].map((name, i) => `${name},device=boiler-1 value=${i + 1} 1764000000000001`),
  )
})
