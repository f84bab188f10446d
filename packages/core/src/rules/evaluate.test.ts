import { expect, test } from 'vitest'
import { runVirtually } from '../../test/virtual-rule.ts'
import { ruleLimits } from './limits.ts'

const hot = { levels: [{ severity: 'critical' as const, when: 'temperature > 90.0' }] }

test('a simple condition raises once and clears when it is no longer met', async () => {
  const run = await runVirtually(hot)
  run.read(0, { temperature: 80 })
  run.read(1, { temperature: 91 })
  run.read(2, { temperature: 95 })
  run.read(3, { temperature: 89 })
  expect(run.news()).toEqual(['1 raise critical', '3 clear'])
  expect(run.signals[0]).toMatchObject({
    value: { temperature: 91 },
    cause: 'temperature > 90.0',
    rule: 'r',
    device: 'd',
  })
})

test('a clear condition of its own keeps the alert open in between', async () => {
  const run = await runVirtually({ ...hot, clear: 'temperature < 75.0' })
  for (const [at, temperature] of [95, 85, 76, 75, 74.9, 80].entries()) run.read(at, { temperature })
  expect(run.news()).toEqual(['0 raise critical', '4 clear'])
})

test('a severity goes up and down while the alert stays open', async () => {
  const run = await runVirtually({
    levels: [
      { severity: 'critical', when: 'temperature > 90.0' },
      { severity: 'warning', when: { key: 'temperature', op: '>', value: 80 } },
    ],
    clear: 'temperature < 75.0',
  })
  for (const [at, temperature] of [85, 95, 85, 78, 96, 70].entries()) run.read(at, { temperature })
  expect(run.news()).toEqual([
    '0 raise warning',
    '1 severity critical',
    '2 severity warning',
    '4 severity critical',
    '5 clear',
  ])
})

test('a hold fires by time alone, counted from the first sample that matched', async () => {
  const run = await runVirtually({ levels: [{ severity: 'major', when: 'temperature > 90.0', for: '30s' }] })
  run.read(0, { temperature: 95 })
  run.pass(29.9)
  expect(run.news()).toEqual([])
  run.pass(100)
  expect(run.news()).toEqual(['30 raise major'])
  run.read(101, { temperature: 80 })
  run.read(102, { temperature: 95 })
  run.read(120, { temperature: 80 })
  run.read(121, { temperature: 95 })
  run.pass(150)
  expect(run.news()).toEqual(['101 clear'])
  run.pass(151)
  expect(run.news()).toEqual(['151 raise major'])
})

test('a hold that ended before the next sample was still long enough', async () => {
  const run = await runVirtually({ levels: [{ severity: 'major', when: 'temperature > 90.0', for: '30s' }] })
  run.read(0, { temperature: 95 })
  run.read(60, { temperature: 20 })
  expect(run.news()).toEqual(['30 raise major', '60 clear'])
})

test('a hold of no time is none', async () => {
  const run = await runVirtually({ levels: [{ severity: 'major', when: 'temperature > 90.0', for: '0s' }] })
  run.read(0, { temperature: 95 })
  expect(run.news()).toEqual(['0 raise major'])
})

test('so many readings within a window', async () => {
  const run = await runVirtually({
    levels: [{ severity: 'warning', when: 'errors > 0', repeat: { times: 3, within: '60s' } }],
  })
  run.read(0, { errors: 1 })
  run.read(10, { errors: 1, other: 4 })
  run.read(15, { other: 5 })
  expect(run.news()).toEqual([])
  run.read(61, { errors: 2 })
  expect(run.news()).toEqual([])
  run.read(62, { errors: 2 })
  expect(run.news()).toEqual(['62 raise warning'])
  run.read(63, { errors: 0 })
  run.read(64, { errors: 1 })
  expect(run.news()).toEqual(['63 clear'])
})

test('no data for a while, of the keys that the rule names', async () => {
  const run = await runVirtually({ ...hot, noData: '10m' })
  run.pass(5000)
  expect(run.news()).toEqual([])
  run.read(5000, { temperature: 20 })
  run.read(5300, { humidity: 20 })
  run.pass(5599)
  expect(run.news()).toEqual([])
  run.pass(9000)
  expect(run.news()).toEqual(['5600 raise major'])
  run.read(9000, { temperature: 21 })
  expect(run.news()).toEqual(['9000 clear'])
})

test('offline for a while, forgiven when it comes back in time', async () => {
  const run = await runVirtually({ offline: { after: '2m', severity: 'critical' } })
  run.presence(0, false)
  run.presence(119, true)
  run.pass(500)
  expect(run.news()).toEqual([])
  run.presence(600, false)
  run.pass(800)
  run.presence(900, true)
  expect(run.news()).toEqual(['720 raise critical', '900 clear'])
})

test('a value that changes too fast, up or down', async () => {
  const run = await runVirtually({ change: { key: 'pressure', by: 5, per: '60s', severity: 'minor' } })
  run.read(0, { pressure: 10 })
  run.read(30, { pressure: 14 })
  run.read(70, { pressure: 16 })
  expect(run.news()).toEqual([])
  run.read(80, { pressure: 19 })
  expect(run.news()).toEqual(['80 raise minor'])
  run.read(200, { pressure: 19 })
  expect(run.news()).toEqual(['200 clear'])
  run.read(210, { pressure: 14 })
  expect(run.news()).toEqual(['210 raise minor'])
})

test('shadow fields', async () => {
  const run = await runVirtually({
    levels: [
      {
        severity: 'info',
        when: {
          all: [
            { shadow: 'reported.mode', op: '!=', value: 'auto' },
            { key: 't', op: '>=', value: 1 },
          ],
        },
      },
    ],
  })
  run.read(0, { t: 2 })
  expect(run.news()).toEqual([])
  run.shadow(1, { desired: {}, reported: { mode: 'manual' } })
  run.shadow(2, { desired: {}, reported: { mode: 'auto' } })
  expect(run.news()).toEqual(['1 raise info', '2 clear'])
  const cel = await runVirtually({ levels: [{ severity: 'info', when: 'shadow.reported.fan.speed > 3' }] })
  cel.shadow(0, { desired: {}, reported: { fan: { speed: 4 } } })
  expect(cel.news()).toEqual(['0 raise info'])
})

test('outside its schedule a rule finds nothing; when it opens, what is so then counts', async () => {
  const run = await runVirtually({
    levels: [{ severity: 'major', when: 'temperature > 90.0', for: '10s' }],
    schedule: { timeZone: 'UTC', from: '13:00', to: '14:00' },
  })
  run.read(0, { temperature: 95 })
  run.pass(3600)
  expect(run.news()).toEqual([])
  run.pass(3700)
  expect(run.news()).toEqual(['3610 raise major'])
  run.pass(7300)
  expect(run.news()).toEqual(['7200 clear'])
})

test('silence that began before the schedule opened is told when it opens', async () => {
  const run = await runVirtually({ noData: '10m', schedule: { timeZone: 'UTC', from: '13:00', to: '14:00' } })
  run.read(0, { a: 1 })
  run.pass(20_000)
  expect(run.news()).toEqual(['3600 raise major', '7200 clear'])
})

test('an excursion after another while the alert is open is a repetition, told now and then', async () => {
  const run = await runVirtually({ ...hot, clear: 'temperature < 75.0' })
  for (const [i, temperature] of [95, 85, 96, 85, 97].entries()) run.read(i * 6, { temperature })
  expect(run.news()).toEqual(['0 raise critical', '12 repeat critical', '24 repeat critical'])
})

test('a missing key, or one of another kind, makes the condition false and is no error', async () => {
  const run = await runVirtually({ levels: [{ severity: 'info', when: 'a > 1 && b > 1' }] })
  run.read(0, { a: 5 })
  run.read(1, { b: 'much' })
  run.read(2, { b: 5 })
  expect(run.news()).toEqual(['2 raise info'])
})

test('raise after raise in no time is told no more for a while, and then as it is', async () => {
  const run = await runVirtually(hot)
  for (let i = 0; i < 40; i++) run.read(i, { temperature: i % 2 === 0 ? 95 : 20 })
  const raises = run.news().filter((line) => line.includes('raise'))
  expect(raises).toHaveLength(40 / 2)
  const fast = await runVirtually(hot)
  for (let i = 0; i < 400; i++) fast.read(i / 10, { temperature: i % 2 === 0 ? 95 : 20 })
  expect(fast.news().filter((line) => line.includes('raise'))).toHaveLength(ruleLimits.loopRaises)
  fast.pass(1000)
  expect(fast.news()).toEqual([`${1.4 + ruleLimits.loopPauseMicros / 1e6} clear`])
})

test('no id is given twice', async () => {
  const run = await runVirtually(hot)
  for (let i = 0; i < 50; i++) run.read(i * 5, { temperature: i % 2 === 0 ? 95 : 20 })
  expect(new Set(run.signals.map(({ id }) => id)).size).toBe(run.signals.length)
})
