// oxlint-disable vitest/no-conditional-expect, vitest/expect-expect, typescript/no-unsafe-type-assertion -- properties look at what came of their inputs
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { deltaOf, equal, merge, patchFault, type Document } from '../merge.ts'
import { createShadows, type DesiredDelta } from './shadows.ts'

function bench(registry = createMemoryRegistry()) {
  const published: DesiredDelta[] = []
  const shadows = createShadows({ registry, publish: (_, desired) => published.push(desired) })
  return { registry, shadows, published }
}

test('desired is merged, null removes, and the device is told the delta and the version', async () => {
  const { shadows, published } = bench()
  expect(await shadows.get('d')).toEqual({ desired: {}, reported: {}, delta: {}, version: 0 })
  await shadows.patchDesired('d', { led: { on: true, color: 'red' }, rate: 5 })
  await shadows.report('d', { led: { on: true }, battery: 80 })
  const shadow = await shadows.patchDesired('d', { led: { color: null, level: 3 }, rate: null }, 1)
  expect(shadow).toEqual({
    desired: { led: { on: true, level: 3 } },
    reported: { led: { on: true }, battery: 80 },
    delta: { led: { level: 3 } },
    version: 2,
  })
  expect(published).toEqual([
    { delta: { led: { on: true, color: 'red' }, rate: 5 }, version: 1 },
    { delta: { led: { level: 3 } }, version: 2 },
  ])
})

test('a patch for another version conflicts, and one without effect tells nobody', async () => {
  const { shadows, published } = bench()
  await shadows.patchDesired('d', { a: 1 }, 0)
  await expect(shadows.patchDesired('d', { a: 2 }, 0)).rejects.toMatchObject({ code: 'SHADOW_CONFLICT', status: 409 })
  await shadows.patchDesired('d', { a: 1 })
  expect(published).toHaveLength(1)
})

test('two nodes that write at once both land', async () => {
  const { registry, shadows } = bench()
  const other = bench(registry).shadows
  await Promise.all([
    ...Array.from({ length: 4 }, (_, i) => shadows.patchDesired('d', { [`a${i}`]: i })),
    other.patchDesired('d', { b: 1 }),
    other.report('d', { c: 1 }),
  ])
  expect(await shadows.get('d')).toMatchObject({ desired: { a0: 0, a3: 3, b: 1 }, reported: { c: 1 }, version: 5 })
})

test('refuses what is no object, too deep, too large or reaches for the prototype', async () => {
  const { shadows } = bench()
  let deep: unknown = 1
  for (let i = 0; i < 100_000; i++) deep = { a: deep }
  const proto = JSON.parse('{"a":{"__proto__":{"polluted":true}}}') as unknown
  for (const patch of [null, [], 'x', { deep }, proto, { big: 'x'.repeat(70_000) }]) {
    await expect(shadows.patchDesired('d', patch)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await expect(shadows.report('d', patch)).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' })
  }
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

test('reporting the delta empties it, whatever the documents are', () => {
  const document = fc.dictionary(fc.string({ maxLength: 2 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  const clean = (value: Document) => patchFault(value, 32) === undefined
  fc.assert(
    fc.property(document.filter(clean), document.filter(clean), (wanted, has) => {
      const desired = merge({}, wanted)
      const reported = merge({}, has)
      const settled = merge(reported, deltaOf(desired, reported))
      const left = deltaOf(desired, settled)
      // An empty object or a null inside a list cannot be said by a patch; everything else is settled by one report.
      const sayable = !JSON.stringify(desired).includes('{}')
      if (sayable) expect(left).toEqual({})
      expect(equal(merge(desired, {}), desired)).toBe(true)
    }),
  )
})
