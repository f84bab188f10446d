import { expect, it } from 'vitest'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createDeviceCache } from './device-cache.ts'

it('never keeps what was forgotten while it was read', async () => {
  const registry = createMemoryRegistry()
  const write = (name: string) =>
    registry.put('devices', 'a', { id: 'a', name, type: 'default', tags: [], createdAt: '' }, 'any')
  await write('before')
  const read = Promise.withResolvers<undefined>()
  let isFirst = true
  const slow = {
    get: async (...args: Parameters<typeof registry.get>) => {
      const answer = await registry.get(...args)
      if (isFirst) {
        isFirst = false
        await read.promise
      }
      return answer
    },
  }
  const cache = createDeviceCache(Object.assign(Object.create(registry), slow))
  const loaded = cache.load('a')
  const joined = cache.load('a')
  await write('after')
  cache.forget('a')
  read.resolve(undefined)
  expect((await loaded)?.record.name).toBe('after')
  expect((await joined)?.record.name).toBe('after')
  expect(cache.cached('a')?.record.name).toBe('after')
})

it('reads a device once for all who ask at the same time', async () => {
  const registry = createMemoryRegistry()
  const cache = createDeviceCache(registry)
  expect(await Promise.all(Array.from({ length: 50 }, () => cache.load('a')))).toEqual(Array(50).fill(undefined))
  expect(registry.calls.get('get devices')).toBe(1)
  expect(cache.size).toBe(0)
})
