import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBatch } from '@patchbay/core/suites/telemetry/batch'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStores, type Stores } from './stores.ts'
import { createRetention, UNREAD_DAYS } from './retention.ts'

const DAY = 86_400_000_000
const NOW = 1_760_000_000_000_000

let folder: string
let stores: Stores
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-retention-'))
  stores = await openStores({ data: folder, durability: 'full' }, () => undefined)
})
afterEach(async () => {
  await stores.close()
  await rm(folder, { recursive: true })
})

test('each device keeps as many days as its type says, and longer what nobody has read', async () => {
  const { registry, telemetry } = stores
  const days: Record<string, number | undefined> = { short: 2, long: 30, all: undefined, keys: 30 }
  const keys = [
    { key: 'x', rawDays: 3 },
    { key: 'other', rawDays: 1 },
  ]
  for (const id of Object.keys(days)) {
    await registry.put('devices', id, {}, 'new')
    const held = await telemetry.openDevice(id)
    const series = telemetry.addSeries(held, 'x')
    await telemetry.append(toBatch([1, 5, 40, 400].map((age) => ({ series, at: NOW - age * DAY, value: age }))))
    telemetry.releaseDevice(held)
  }
  await telemetry.holdCommitted('sink', {})
  const warned: unknown[] = []
  const nothing = () => undefined
  const retention = createRetention({
    hasWork: () => true,
    registry,
    telemetry,
    devices: { typeOf: (id) => id },
    types: {
      find: (id) => ({
        id,
        keys: [],
        strict: false,
        codec: 'json',
        heartbeatSeconds: 300,
        createdAt: '',
        version: 1,
        ...(days[id] === undefined ? {} : { retention: { rawDays: days[id], ...(id === 'keys' ? { keys } : {}) } }),
      }),
    },
    clock: { nowMicros: () => NOW, monotonicMs: () => 0, after: () => nothing },
    log: { debug: nothing, info: nothing, error: nothing, warn: (...said) => warned.push(said) },
  })
  const ages = async (device: string) => {
    const { items } = await telemetry.raw({ device, from: 0, to: NOW, limit: 10 })
    return items.map(({ value }) => value).toReversed()
  }
  expect(await retention.run()).toEqual({ dropped: 6, unread: 6 })
  expect(await ages('short')).toEqual([1, 5])
  expect(5).toBeLessThan(2 + UNREAD_DAYS)
  expect(await ages('long')).toEqual([1, 5])
  expect(await ages('all')).toEqual([1, 5, 40, 400])
  expect(await ages('keys')).toEqual([1, 5])
  expect(warned).toHaveLength(1)
  await telemetry.holdCommitted('sink', undefined)
  expect(await retention.run()).toEqual({ dropped: 2, unread: 0 })
  expect(await ages('keys')).toEqual([1])
  expect(await ages('short')).toEqual([1])
  await retention.close()
})
