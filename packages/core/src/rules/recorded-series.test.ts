import { readFileSync } from 'node:fs'
import type { RuleBody } from '@patchbay/contracts/rule'
import { expect, test } from 'vitest'
import { startMicros, runVirtually } from '../../test/virtual-rule.ts'

interface Case {
  series: string
  rule: RuleBody
  /** Time, kind, and the severity where there is one. */
  expected: string[][]
}

const nab = new URL('../../../../bench/fixtures/nab/', import.meta.url)
const fixture = new URL('../../test/fixtures/nab-alerts.json', import.meta.url)
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(fixture, 'utf8'))

test.each(cases)('$rule.name: exactly the alerts of the list, over $series', async ({ series, rule, expected }) => {
  const run = await runVirtually(rule)
  const rows = readFileSync(new URL(series, nab), 'utf8').trim().split('\n').slice(1)
  let last = 0
  for (const row of rows) {
    const [time = '', value] = row.split(',')
    last = Date.parse(`${time.trim().replace(' ', 'T')}Z`) / 1000 - startMicros / 1e6
    run.read(last, { value: Number(value) })
  }
  run.pass(last + 86_400)
  const told = run.signals.map((signal) => [
    `${new Date(signal.at / 1000).toISOString().slice(0, 19)}Z`,
    signal.kind,
    ...('severity' in signal ? [signal.severity] : []),
  ])
  expect(rows.length).toBeGreaterThan(7000)
  expect(told.filter(([, kind]) => kind !== 'repeat')).toEqual(expected)
})
