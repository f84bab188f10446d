import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PointJson } from '../telemetry/port.ts'
import { ConditionInvalid } from './condition.ts'
import { compileTree } from './condition-tree.ts'
import { DeviceValues } from './device-values.ts'
import { compileExpression } from './expression.ts'

type Tree = { key: string; op: string; value: number | string | boolean } | { all: Tree[] } | { any: Tree[] }

const keys = ['a', 'b', 'em:0']
const scalar = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('x', 'y', ''), fc.boolean())
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({
      key: fc.constantFrom(...keys),
      op: fc.constantFrom('>', '>=', '<', '<='),
      value: fc.integer({ min: -3, max: 3 }),
    }),
    fc.record({ key: fc.constantFrom(...keys), op: fc.constantFrom('==', '!='), value: scalar }),
    fc.record({ all: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
  ),
}))

const toText = (node: Tree): string => {
  if ('all' in node) return `(${node.all.map(toText).join(' && ')})`
  if ('any' in node) return `(${node.any.map(toText).join(' || ')})`
  return `v[${JSON.stringify(node.key)}] ${node.op} ${JSON.stringify(node.value)}`
}

test('a tree of the form and the same as an expression answer alike, whatever the values are', () => {
  const seed = Math.trunc(Math.random() * 2 ** 31)
  console.log(`conditions: seed ${seed}`)
  const values = fc.dictionary(fc.constantFrom(...keys), fc.oneof(scalar, fc.constant({ z: 1 })))
  fc.assert(
    fc.property(tree, values, (node, given) => {
      const held = new DeviceValues()
      for (const [key, value] of Object.entries<PointJson>(given)) held.set(key, 1, value)
      expect(compileTree(node).test(held)).toBe(compileExpression(toText(node)).test(held))
    }),
    { seed, numRuns: 500 },
  )
})

test.each<[string, unknown, string]>([
  ['nothing', null, ''],
  ['a list', [], ''],
  ['an empty group', { all: [] }, '/all'],
  ['two groups at once', { all: [{ key: 'a', op: '>', value: 1 }], any: [] }, '/any'],
  ['an unknown operator', { any: [{ key: 'a', op: '=~', value: 1 }] }, '/any/0/op'],
  ['a value of no use', { key: 'a', op: '>', value: null }, '/value'],
  ['a boolean that is compared by size', { key: 'a', op: '>', value: true }, '/value'],
  ['a number as a pattern', { key: 'a', op: 'matches', value: 1 }, '/value'],
  ['a wrong pattern', { key: 'a', op: 'matches', value: '(' }, '/value'],
  ['an empty key', { key: '', op: '>', value: 1 }, '/key'],
  ['a shadow path without a part', { shadow: 'reported', op: '==', value: 1 }, '/shadow'],
  ['a field that is not known', { key: 'a', op: '>', value: 1, not: true }, '/not'],
  [
    'too many groups in each other',
    { all: [{ all: [{ all: [{ all: [{ all: [{ all: [{ key: 'a', op: '>', value: 1 }] }] }] }] }] }] },
    '/all/0/all/0/all/0/all/0/all/0',
  ],
])('refuses %s and says where', (_name, node, path) => {
  try {
    compileTree(node)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(ConditionInvalid)
    expect(error).toMatchObject({ path })
  }
})
