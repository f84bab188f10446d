import { expect, test } from 'vitest'
import { toColumn, toTable } from './names.ts'

test('tables keep letters of any script, dashes and dots inside', () => {
  const names = ['temperature', 'em:0', 'a"; DROP TABLE x;--', 'ключ', '.a..b.', '', 'x'.repeat(200)]
  expect(names.map(toTable)).toEqual([
    'temperature',
    'em_0',
    'a___DROP_TABLE_x_--',
    'ключ',
    '_a_.b_',
    '_',
    'x'.repeat(127),
  ])
})

test('columns have no dots and dashes, and not the names that a table has itself', () => {
  expect(['em-0.x', 'Device', 'timestamp', 'value', ''].map(toColumn)).toEqual([
    'em_0_x',
    'Device_',
    'timestamp_',
    'value',
    '_',
  ])
})
