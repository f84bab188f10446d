import type { NewAccessRule } from '@patchbay/contracts/access'
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { createAccessRules } from './access-rules.ts'

const start = (registry = createMemoryRegistry()) => {
  const events: string[] = []
  const rules = createAccessRules({
    registry,
    clock: createFakeClock(),
    randomBytes,
    hear: ({ kind }) => events.push(kind),
  })
  return { registry, events, rules }
}
const draft: NewAccessRule = { effect: 'allow', actions: ['publish'], filter: 'plant/{id}/#' }

it('keeps rules in their order, tells of each change and has them after a restart', async () => {
  const { registry, rules, events } = start()
  const late = await rules.create({ ...draft, id: 'late', order: 200 })
  await rules.create({ ...draft, id: 'early', order: 1 })
  const made = await rules.create(draft)
  expect(made).toMatchObject({ order: 100, version: 1, scope: { devices: [], types: [], tags: [] } })
  expect(rules.sorted.map(({ id }) => id)).toEqual(['early', made.id, 'late'])
  await rules.replace('late', { ...draft, order: 0 }, late.version)
  expect(rules.sorted[0]).toMatchObject({ id: 'late', version: 2, createdAt: late.createdAt })
  await rules.remove(made.id)
  expect(events).toHaveLength(5)
  const again = start(registry)
  await again.rules.load()
  expect(again.rules.sorted).toEqual(rules.sorted)
  expect((await again.rules.list({ limit: 10 })).items.map(({ id }) => id)).toEqual(['late', 'early'])
})

it('refuses what is not well formed, exists, is gone or has changed', async () => {
  const { rules } = start()
  for (const filter of ['a#', '', 'a/{id}#', '$share/g/a', 'x'.repeat(513), 'a/\0']) {
    await expect(rules.create({ ...draft, filter })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  }
  await rules.create({ ...draft, id: 'a' })
  await expect(rules.create({ ...draft, id: 'a' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  await expect(rules.replace('a', draft, 7)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
  await expect(rules.remove('a', 7)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
  await expect(rules.remove('b')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('does not hold in memory what the store did not take', async () => {
  const { rules, registry } = start()
  registry.failing = () => true
  await expect(rules.create(draft)).rejects.toBeInstanceOf(StoreUnavailable)
  expect(rules.sorted).toEqual([])
})
