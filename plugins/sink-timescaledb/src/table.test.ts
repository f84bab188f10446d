import { expect, test } from 'vitest'
import { quoteTable, readTable } from './table.ts'

test('a table may be made of type, device and tags, which add nothing that could end its name', () => {
  const record = { device: 'a.b:1', type: 'Boiler"; DROP TABLE x;--', tags: ['site=Nord'] }
  expect(quoteTable(readTable('iot.r_{type}_{device}_{tag:site}').of(record))).toBe(
    '"iot"."r_boiler___drop_table_x____a_b_1_nord"',
  )
  expect(quoteTable('x'.repeat(80))).toBe(`"${'x'.repeat(63)}"`)
})

test('keys of values are in the table, not in its name', () => {
  expect(() => readTable('{key}')).toThrow('{key} is unknown')
})
