import type { DeviceType } from '@patchbay/contracts/device-type'
import { expect, test } from 'vitest'
import { fromTypeForm, toTypeForm } from './type-form.ts'

const type: DeviceType = {
  id: 'boiler',
  title: 'Boiler',
  strict: true,
  codec: 'json',
  heartbeatSeconds: 60,
  keys: [{ key: 'temperature', kind: 'number', unit: '°C', minimum: 0, maximum: 120 }, { key: 'note' }],
  retention: { rawDays: 30, tiers: { hourDays: 730 }, keys: [{ key: 'note', rawDays: 7 }] },
  createdAt: '2026-01-01T00:00:00Z',
  version: 3,
}

test('a type goes through the form unchanged, with what the form does not show', () => {
  const { id: _id, createdAt: _createdAt, version: _version, ...body } = type
  expect(fromTypeForm(toTypeForm(type), type)).toEqual(body)
})

test('days that are emptied are for ever', () => {
  const form = toTypeForm(type)
  form.days.rawDays = ''
  form.days.hourDays = ''
  expect(fromTypeForm(form)).not.toHaveProperty('retention')
})
