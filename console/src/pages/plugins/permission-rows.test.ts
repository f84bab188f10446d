import { expect, test } from 'vitest'
import { countWider, toPermissionRows } from './permission-rows.ts'

const approved = {
  services: ['sessions'],
  connect: [],
  listen: [],
  files: [],
  contributes: ['adapters'],
  http: [],
  isolation: 'process',
}

test('what goes beyond the approved version is marked, also less isolation', () => {
  const rows = toPermissionRows(
    { ...approved, connect: ['tcp:*:502'], contributes: ['adapters', 'accessProviders'], isolation: 'worker' },
    approved,
  )
  expect(rows).toEqual([
    { kind: 'services', values: [{ value: 'sessions', wider: false }] },
    {
      kind: 'contributes',
      values: [
        { value: 'adapters', wider: false },
        { value: 'accessProviders', wider: true },
      ],
    },
    { kind: 'connect', values: [{ value: 'tcp:*:502', wider: true }] },
    { kind: 'isolation', values: [{ value: 'worker', wider: true }] },
  ])
  expect(countWider(rows)).toBe(3)
})

test('on a first install nothing is marked: all of it is new', () => {
  expect(countWider(toPermissionRows(approved))).toBe(0)
})
