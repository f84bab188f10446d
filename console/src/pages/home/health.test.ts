import { expect, test } from 'vitest'
import { toFindings } from './health.ts'

const well = { failedJobs: 0, badInstances: [], criticalAlerts: 0 }

test('nothing is said when all is well, or when nothing could be looked at', () => {
  expect(
    toFindings({
      ...well,
      listeners: [
        { name: 'main', state: 'listening' },
        { name: 'grpc', state: 'off' },
      ],
      storage: { durability: 'full', forecastDays: 90 },
    }),
  ).toEqual([])
  expect(toFindings(well)).toEqual([])
})

test('the worst comes first', () => {
  const found = toFindings({
    failedJobs: 2,
    badInstances: ['alert-webhook / ops'],
    criticalAlerts: 1,
    listeners: [{ name: 'mqtt', state: 'degraded' }],
    storage: { durability: 'relaxed', forecastDays: 3.7 },
  })
  expect(found.map(({ word, kind }) => `${kind} ${word}`)).toEqual([
    'bad home.critical',
    'bad home.bad-plugins',
    'bad home.listeners',
    'bad home.storage',
    'warn home.jobs',
    'warn home.relaxed',
  ])
  expect(found[3]?.fill).toEqual({ n: 3 })
})
