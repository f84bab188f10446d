import { expect, test } from 'vitest'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createDirectory } from './directory.ts'

const body = { name: 'Boiler', type: '', tags: [], createdAt: '2026-01-01T00:00:00.000Z' }
const counted = () => {
  const registry = createMemoryRegistry()
  const reads: string[] = []
  const get: typeof registry.get = (collection, id) => {
    reads.push(`${collection}/${id}`)
    return registry.get(collection, id)
  }
  return { registry, reads, directory: createDirectory({ ...registry, get }) }
}

test('a thousand who ask together cost one lookup', async () => {
  const { registry, reads, directory } = counted()
  await registry.put('devices', 'boiler', body, 'new')
  const found = await Promise.all(Array.from({ length: 1000 }, () => directory.find('boiler')))
  expect(found.every((each) => each?.device.name === 'Boiler')).toBe(true)
  expect(reads.filter((read) => read === 'devices/boiler')).toHaveLength(1)
})

test('whoever asks after a change hears of it, even while an older lookup is under way', async () => {
  const registry = createMemoryRegistry()
  await registry.put('devices', 'boiler', body, 'new')
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const get: typeof registry.get = async (collection, id) => {
    const found = await registry.get(collection, id)
    if (collection === 'devices') begun.resolve()
    await gate.promise
    return found as never
  }
  const directory = createDirectory({ ...registry, get })
  const before = directory.find('boiler')
  await begun.promise
  await registry.delete('devices', 'boiler')
  const after = directory.find('boiler')
  gate.resolve()
  expect((await before)?.device.id).toBe('boiler')
  expect(await after).toBeUndefined()
})
