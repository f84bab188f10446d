import { expect, test } from 'vitest'
import { emptyRule, fromConditionForm, fromRuleForm, toConditionForm, toRuleForm } from './rule-form.ts'

test.each([
  ['an expression', 'temperature > 90.0 && door == true'],
  ['one test', { key: 'temperature', op: '>', value: 80 }],
  [
    'all of several',
    {
      all: [
        { key: 'a', op: '>', value: 1.5 },
        { key: 'door', op: '==', value: true },
      ],
    },
  ],
  [
    'any of several',
    {
      any: [
        { key: 'a', op: 'contains', value: 'x' },
        { key: 'b', op: '!=', value: 'true' },
      ],
    },
  ],
  ['a text that reads like a number', { key: 'code', op: '==', value: '007' }],
  [
    'groups in groups',
    { any: [{ key: 'a', op: '>', value: 1 }, { all: [{ shadow: 'reported.mode', op: '==', value: 'x' }] }] },
  ],
])('%s comes back as it was', (_name, when) => {
  expect(fromConditionForm(toConditionForm(when))).toEqual(when)
})

test('a whole rule comes back as it was, with what the form does not show', () => {
  const rule = {
    name: 'Too hot',
    enabled: false,
    scope: { devices: ['a', 'b'], types: [], tags: ['north'] },
    levels: [{ severity: 'critical' as const, when: 't > 1', for: '30s', repeat: { times: 3, within: '5m' } }],
    change: { key: 'p', by: 5, per: '1m', severity: 'minor' as const },
    offline: { after: '5m', severity: 'critical' as const },
    noData: '10m',
    clear: 't < 0',
    schedule: { timeZone: 'Europe/Berlin', days: [1], from: '08:00', to: '18:00' },
    channels: ['ops'],
    escalate: [{ after: '15m', channels: ['boss'] }],
  }
  expect(fromRuleForm(toRuleForm(rule))).toEqual(rule)
})

test('a rule from a value is filled in', () => {
  const { levels, scope } = fromRuleForm(emptyRule({ device: 'boiler-1', key: 'temperature', value: '21.5' }))
  expect([scope, levels]).toEqual([
    { devices: ['boiler-1'], types: [], tags: [] },
    [{ severity: 'major', when: { key: 'temperature', op: '>', value: 21.5 } }],
  ])
})
