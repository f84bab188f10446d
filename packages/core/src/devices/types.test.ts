import { expect, it } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import { createDeviceTypes } from './types.ts'
import type { DeviceEvent } from './port.ts'

async function start(registry = createMemoryRegistry()) {
  const events: DeviceEvent[] = []
  const types = createDeviceTypes({ registry, clock: createFakeClock(), hear: (event) => events.push(event) })
  await types.load()
  return { registry, types, events }
}

it('always has the default type, which can be changed but not deleted', async () => {
  const { types, registry } = await start()
  expect(types.get('default')).toMatchObject({ codec: 'json', heartbeatSeconds: 300, strict: false, keys: [] })
  await expect(types.remove('default')).rejects.toMatchObject({ code: 'TYPE_IN_USE', status: 409 })
  await types.replace('default', { heartbeatSeconds: 60 })
  expect((await start(registry)).types.get('default')).toMatchObject({ heartbeatSeconds: 60, version: 2 })
})

it('makes, replaces, lists and deletes types, and tells of it', async () => {
  const { types, events, registry } = await start()
  await types.create({ id: 'boiler', title: 'Boiler', keys: [{ key: 't', unit: '°C', minimum: 0, maximum: 90 }] })
  await expect(types.create({ id: 'boiler' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  const replaced = await types.replace('boiler', { strict: true }, 1)
  expect(replaced).toMatchObject({ strict: true, keys: [], version: 2 })
  expect(replaced.title).toBeUndefined()
  await expect(types.replace('boiler', {}, 1)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
  expect((await types.list({ limit: 10 })).items.map(({ id }) => id)).toEqual(['boiler', 'default'])
  expect(events.map(({ kind }) => kind)).toEqual(['type-changed', 'type-changed'])
  await registry.put('devices', 'a', { id: 'a', type: 'boiler' }, 'new')
  await expect(types.remove('boiler')).rejects.toMatchObject({ code: 'TYPE_IN_USE' })
  await registry.delete('devices', 'a')
  await types.remove('boiler')
  expect(types.find('boiler')).toBeUndefined()
  expect(types.effective('boiler').id).toBe('default')
})

it('refuses types that contradict themselves', async () => {
  const { types } = await start()
  for (const keys of [[{ key: 'a' }, { key: 'a' }], [{ key: 'a', minimum: 2, maximum: 1 }], [{ key: '' }]]) {
    await expect(types.create({ id: 'x', keys })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  }
  await expect(types.create({ id: 'x', heartbeatSeconds: 1 })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  await expect(types.create({ id: '../x' })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
})
