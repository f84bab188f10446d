import { expect, test } from 'vitest'
import { ConditionInvalid } from './condition.ts'
import { DeviceValues } from './device-values.ts'
import { compileExpression } from './expression.ts'
import { TookTooLong } from './took-too-long.ts'
import type { PointJson } from '../telemetry/port.ts'

const valuesOf = (values: Record<string, PointJson>): DeviceValues => {
  const all = new DeviceValues()
  for (const [key, value] of Object.entries(values)) all.set(key, 1, value)
  return all
}
/** Of this thread: the machine may do something else meanwhile. */
const cpuMs = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
const holds = (text: string, values: Record<string, PointJson> = {}) => compileExpression(text).test(valuesOf(values))

test.each<[string, Record<string, PointJson>, boolean]>([
  ['temperature > 90.0', { temperature: 91 }, true],
  ['temperature > 90', { temperature: 90 }, false],
  ['temperature * 2 > 180', { temperature: 90.5 }, true],
  ['10 - temperature > 2.5', { temperature: 7 }, true],
  ['count % 2 == 1.0', { count: 7 }, true],
  ['v["em:0"] > 3 && v["em:0"] < 5', { 'em:0': 4 }, true],
  ['v.temperature > 3', { temperature: 4 }, true],
  ['has(v.a)', { a: 1 }, true],
  ['has(v.a)', { b: 1 }, false],
  ['!has(v.a)', { b: 1 }, true],
  ['v.exists(k, v[k] > 3.0)', { a: 1, b: 4 }, true],
  ['"b" in v', { b: 4 }, true],
  ['state == "open" || temperature > 1', { state: 'open' }, true],
  ['power.total > 3', { power: { total: 4 } }, true],
  ['power.total > 3', { 'power.total': 4 }, true],
  ['door', { door: true }, true],
  ['name.matches("^pump-[0-9]+$")', { name: 'pump-17' }, true],
  ['readings.exists(r, r > 2.0)', { readings: [1, 2, 3] }, true],
  ['level in [1.0, 2.0]', { level: 2 }, true],
  ['temperature > 1', { temperature: 'warm' }, false],
  ['temperature > 1', {}, false],
  ['constructor > 1', {}, false],
  ['v["__proto__"] == 1', {}, false],
  ['v["v"] == 7', { v: 7 }, true],
  ['a == b', { a: 3, b: 3 }, true],
])('%s', (text, values, answer) => {
  expect(holds(text, values)).toBe(answer)
})

test('an expression knows its keys', () => {
  expect([...compileExpression('a > 1 && v["em:0"] < b && shadow.reported.x == 1').keys].toSorted()).toEqual([
    'a',
    'b',
    'em:0',
  ])
  expect(compileExpression('v.exists(k, v[k] > 1.0)').anyKey).toBe(true)
  expect(compileExpression('a > 1').anyKey).toBe(false)
  expect(compileExpression('shadow.reported.x == 1').shadow).toBe(true)
})

test.each<[string, string, RegExp]>([
  ['a text that is no expression', 'a >', /end of input|expect/],
  ['more nodes than permitted', Array.from({ length: 300 }, (_, i) => `a${i} > ${i}`).join(' && '), /500 nodes/],
  ['a macro in a macro', 'a.exists(x, a.exists(y, x == y))', /nests a macro/],
  ['a macro in a macro, deeper', 'a.exists(x, x > 1 && !(a.all(y, y == x)))', /nests a macro/],
  ['a wrong pattern', 'a.matches("(")', /wrong pattern/],
  ['a look-ahead, which RE2 does not have', 'a.matches("(?=a)")', /wrong pattern/],
  ['a pattern from a reading', 'a.matches(b)', /only a text in quotes/],
  ['an unknown function', 'frobnicate(a)', /no function frobnicate/],
  ['a number as an answer', 'a + 1', /true or false/],
  ['a list as an answer', '[a]', /true or false/],
  ['a foreign type', 'google.protobuf.Struct{} == a', /knows no type|cannot|no function|expect/],
  ['brackets without end', '('.repeat(5000) + 'a' + ')'.repeat(5000), /nested too deeply|too expensive|nodes/],
  ['60,000 operators', 'a||'.repeat(20_000) + 'a', /500 nodes|too expensive/],
])('refuses %s', (_name, text, why) => {
  const began = process.threadCpuUsage()
  expect(() => compileExpression(text)).toThrow(ConditionInvalid)
  expect(() => compileExpression(text)).toThrow(why)
  expect(cpuMs(began) / 2).toBeLessThan(500)
})

test('patterns that hang other engines answer at once', () => {
  const evil = compileExpression('text.matches("^(a+)+$") || text.matches("(a|aa)+$") || text.matches("(.*a){20}")')
  const began = process.threadCpuUsage()
  evil.test(valuesOf({ text: `${'a'.repeat(5000)}!` }))
  expect(cpuMs(began)).toBeLessThan(100)
})

test('an evaluation that would take long is ended', () => {
  const list = Array.from({ length: 10_000 }, (_, i) => i)
  const slow = compileExpression('l.exists(x, l == m || l == m || l == m || l == m || x < 0.0)')
  const values = valuesOf({ l: list, m: [...list.slice(0, -1), -1] })
  const began = process.threadCpuUsage()
  expect(() => slow.test(values)).toThrow(TookTooLong)
  expect(cpuMs(began)).toBeLessThan(100)
  // And the language still works afterwards.
  expect(holds('a > 1', { a: 2 })).toBe(true)
})

test('a text over 64 KiB is not there', () => {
  expect(holds('size(t) > 1', { t: 'x'.repeat(70_000) })).toBe(false)
  expect(holds('size(t) > 1', { t: 'x'.repeat(60_000) })).toBe(true)
})
