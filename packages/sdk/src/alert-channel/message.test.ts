import { Notification } from '@patchbay/contracts/notification'
import { Value } from 'typebox/value'
import { expect, test } from 'vitest'
import { maxListedAlerts, toDetails, toHeadline, toTestNotification, toValues } from './message.ts'

const notification = toTestNotification('n-1', '2026-11-24T12:00:00.000Z')

test('the sample of a test is a notification', () => {
  expect(Value.Check(Notification, JSON.parse(JSON.stringify(notification)))).toBe(true)
})

test.for([
  ['raised', 'INFO: Test of the channel (Test device (test-device))'],
  ['severity', 'NOW INFO: Test of the channel (Test device (test-device))'],
  ['escalated', 'NOT ACKNOWLEDGED, INFO: Test of the channel (Test device (test-device))'],
  ['resolved', 'RESOLVED: Test of the channel (Test device (test-device))'],
  ['test', 'TEST: Test of the channel (Test device (test-device))'],
  ['storm', 'INFO: 500 alerts of Test of the channel'],
] as const)('%s in one line', ([kind, line]) => {
  const group = { count: 500, alerts: [] }
  expect(toHeadline({ ...notification, kind, ...(kind === 'storm' ? { group } : {}) })).toBe(line)
})

test.for([
  ['raised', 'INFO: 500 alerts of Test of the channel'],
  ['severity', 'NOW INFO: 500 alerts of Test of the channel'],
  ['escalated', 'NOT ACKNOWLEDGED, INFO: 500 alerts of Test of the channel'],
  ['resolved', 'RESOLVED: 500 alerts of Test of the channel'],
] as const)('%s of many at once names none of them alone', ([kind, line]) => {
  expect(toHeadline({ ...notification, kind, group: { count: 500, alerts: [] } })).toBe(line)
})

test('a storm lists some and counts the rest', () => {
  const alerts = Array.from({ length: 50 }, (_, index) => ({
    id: `a-${index}`,
    device: `d-${index}`,
    severity: 'major' as const,
    value: { t: index },
  }))
  const lines = toDetails({ ...notification, kind: 'storm', group: { count: 500, alerts } }).split('\n')
  expect(lines).toHaveLength(maxListedAlerts + 2)
  expect(lines[1]).toBe('d-0: major, {"t":0}')
  expect(lines.at(-1)).toBe('and 480 more')
})

test('templates see the notification itself, and what is ready made of it', () => {
  expect(toValues(notification)).toMatchObject({
    id: 'n-1',
    rule: { id: 'test' },
    headline: expect.stringMatching(/^TEST/),
  })
})
