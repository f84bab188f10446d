import { expect, test } from 'vitest'
import { createDeviceLog, maxHappenings } from './device-log.ts'

const session = { protocol: 'mqtt', address: '10.0.0.7', clientId: 'c' }

test('who came and went is told newest first, and only of the device that is asked for', () => {
  let now = 1_000_000
  const log = createDeviceLog({ nowMicros: () => (now += 1_000_000) })
  const principal = { kind: 'device', id: 'pump' } as const
  log.hear({ kind: 'sessions', principal, what: 'opened', session })
  log.hear({ kind: 'status', device: 'pump', status: 'online', at: 2_500_000, why: 'A session was opened.' })
  log.hear({ kind: 'sessions', principal: { kind: 'device', id: 'other' }, what: 'opened', session })
  log.hear({ kind: 'sessions', principal: { kind: 'application', id: 'pump' }, what: 'opened', session })
  log.hear({ kind: 'sessions', principal, what: 'ended', session, why: 'taken-over' })
  expect(log.list('pump', 10)).toEqual([
    { at: '1970-01-01T00:00:06.000Z', kind: 'session-ended', ...session, why: 'taken-over' },
    { at: '1970-01-01T00:00:02.500Z', kind: 'online', why: 'A session was opened.' },
    { at: '1970-01-01T00:00:02.000Z', kind: 'session-opened', ...session },
  ])
  expect(log.list('pump', 1)).toHaveLength(1)
})

test('the oldest go first when there are too many', () => {
  const log = createDeviceLog({ nowMicros: () => 0 })
  const came = (device: string, at: number): void =>
    log.hear({ kind: 'status', device, status: 'online', at, why: 'A message or ping came.' })
  came('first', 1)
  for (let n = 0; n < maxHappenings - 1; n++) came('others', n)
  expect(log.list('first', 10)).toHaveLength(1)
  came('last', 2)
  expect(log.list('first', 10)).toEqual([])
  expect(log.list('last', 10)).toHaveLength(1)
  expect(log.list('others', maxHappenings)).toHaveLength(maxHappenings - 1)
})
