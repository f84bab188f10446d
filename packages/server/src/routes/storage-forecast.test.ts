import { expect, test } from 'vitest'
import { toForecast } from './storage-forecast.ts'

const stats = { bytes: 2_000_000, points: 1_000_000, series: 3, pointsPerDay: 500_000, droppedUnread: 0 }

test('free space lasts as long as the last day says', () => {
  expect(toForecast(stats, 10_000_000)).toEqual({
    telemetry: { ...stats, bytesPerPoint: 2 },
    freeBytes: 10_000_000,
    forecastDays: 10,
  })
})

test('nothing is foretold from nothing', () => {
  expect(toForecast({ ...stats, points: 0 }, 1)).toMatchObject({ telemetry: { bytesPerPoint: 0 } })
  for (const few of [{ points: 10 }, { pointsPerDay: 0 }]) {
    expect(toForecast({ ...stats, ...few }, 1)).not.toHaveProperty('forecastDays')
  }
})
