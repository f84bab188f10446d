import { expect, test } from 'vitest'
import { createSchedule, isTimeZone } from './schedule.ts'

const at = (iso: string) => Date.parse(iso) * 1000
const iso = (micros: number) => new Date(micros / 1000).toISOString()

test('a window opens and closes by the clock on the wall', () => {
  const schedule = createSchedule({ timeZone: 'Europe/Berlin', from: '08:00', to: '17:30', days: [1, 2, 3, 4, 5] })
  expect(schedule.at(at('2026-11-24T06:59:59Z'))).toMatchObject({ active: false })
  const open = schedule.at(at('2026-11-24T07:00:00Z'))
  expect(open.active).toBe(true)
  expect(iso(open.until)).toBe('2026-11-24T16:30:00.000Z')
  const weekend = schedule.at(at('2026-11-27T16:30:00Z'))
  expect(weekend.active).toBe(false)
  expect(iso(weekend.until)).toBe('2026-11-30T07:00:00.000Z')
})

test('a window over midnight belongs to the day on which it begins', () => {
  const schedule = createSchedule({ timeZone: 'UTC', from: '22:00', to: '06:00', days: [5] })
  expect(schedule.at(at('2026-11-28T05:59:00Z')).active).toBe(true)
  expect(schedule.at(at('2026-11-28T06:00:00Z')).active).toBe(false)
  expect(schedule.at(at('2026-11-28T23:00:00Z')).active).toBe(false)
})

test('days on which the clock changes are longer or shorter', () => {
  const night = createSchedule({ timeZone: 'Europe/Berlin', from: '00:00', to: '24:00', days: [7] })
  const hours = (iso: string) => {
    const { from, until } = night.at(at(iso))
    return (until - from) / 3600e6
  }
  expect(hours('2026-03-29T10:00:00Z')).toBe(23)
  expect(hours('2026-10-25T10:00:00Z')).toBe(25)
  expect(hours('2026-11-22T10:00:00Z')).toBe(24)
})

test('a time that the change leaves out is the one after it', () => {
  const schedule = createSchedule({ timeZone: 'Europe/Berlin', from: '02:30', to: '04:00', days: [7] })
  const { active, until } = schedule.at(at('2026-03-29T01:40:00Z'))
  expect(active).toBe(true)
  expect(iso(until)).toBe('2026-03-29T02:00:00.000Z')
})

test('knows time zones from other names', () => {
  expect(isTimeZone('Asia/Kathmandu')).toBe(true)
  expect(isTimeZone('Mars/Olympus')).toBe(false)
})
