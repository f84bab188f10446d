import { expect, it, vi } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryRegistry } from '../../test/memory-registry.ts'
import type { NewRefusal } from './port.ts'
import { createRefusalLog, maxBufferedRefusals, maxRefusals, refusalFlushMs, refusalRepeatMs } from './refusal-log.ts'

const one = (more: Partial<NewRefusal> = {}): NewRefusal => ({
  device: 'd',
  protocol: 'mqtt',
  address: '127.0.0.1',
  action: 'publish',
  topic: 't',
  step: 'default',
  code: 'TOPIC_FORBIDDEN',
  detail: 'No.',
  ...more,
})
const start = () => {
  const clock = createFakeClock()
  const registry = createMemoryRegistry()
  const errors: unknown[] = []
  const log = createRefusalLog({ registry, clock, failed: (error) => errors.push(error) })
  return { clock, registry, log, errors }
}

it('counts repeats within a second, across flushes, and lists the newest first', async () => {
  const { clock, registry, log } = start()
  for (let i = 0; i < 100; i++) log.record(one())
  log.record(one({ device: 'e' }))
  clock.pass(refusalFlushMs)
  await vi.waitFor(async () => expect(await registry.count('refusals')).toBe(2))
  log.record(one())
  expect((await log.list({ limit: 10 })).items.map(({ device, count }) => [device, count])).toEqual([
    ['e', 1],
    ['d', 101],
  ])
  clock.pass(refusalRepeatMs)
  log.record(one())
  const page = await log.list({ device: 'd', limit: 1 })
  expect(page.items).toMatchObject([{ device: 'd', count: 1 }])
  expect(page.items[0]?.at).toMatch(/Z$/)
  const next = await log.list({ device: 'd', limit: 1, cursor: page.nextCursor ?? '' })
  expect(next.items).toMatchObject([{ count: 101 }])
  expect(log.recorded).toBe(103)
  await log.close()
})

it('filters by action and code', async () => {
  const { log } = start()
  log.record(one())
  log.record(one({ action: 'connect', code: 'CREDENTIALS_WRONG' }))
  expect((await log.list({ action: 'connect', limit: 10 })).items).toHaveLength(1)
  expect((await log.list({ code: 'TOPIC_FORBIDDEN', limit: 10 })).items).toHaveLength(1)
  expect((await log.list({ code: 'TOPIC_FORBIDDEN', action: 'connect', limit: 10 })).items).toHaveLength(0)
})

it('keeps what the store cannot take, within a bound, and writes it later', async () => {
  const { clock, registry, log, errors } = start()
  registry.failing = () => true
  for (let i = 0; i < maxBufferedRefusals + 50; i++) log.record(one({ topic: `t${i}` }))
  expect(log.dropped).toBe(50)
  clock.pass(refusalFlushMs)
  await vi.waitFor(() => expect(errors).toHaveLength(1))
  registry.failing = undefined
  await vi.waitFor(() => expect(clock.waiting).toBe(1))
  clock.pass(refusalFlushMs)
  await vi.waitFor(async () => expect(await registry.count('refusals')).toBe(maxBufferedRefusals))
})

it('keeps no more than its limit', async () => {
  const { clock, registry, log } = start()
  const old = Array.from({ length: maxRefusals + 500 }, (_, at) => ({ id: String(at).padStart(16, '0'), body: {} }))
  await registry.append('refusals', old)
  log.record(one())
  await log.flush()
  expect(await registry.count('refusals')).toBe(maxRefusals)
  expect((await log.list({ limit: 1 })).items[0]?.device).toBe('d')
  expect(clock.waiting).toBe(1)
})

it('cuts what clients sent to a length, and is quiet when nothing happens', async () => {
  const { clock, log } = start()
  expect(clock.waiting).toBe(0)
  log.record(one({ topic: 'x'.repeat(100_000), device: '\ud800'.repeat(500), clientId: 'c'.repeat(9999) }))
  const [item] = (await log.list({ limit: 1 })).items
  expect([item?.topic?.length, item?.device?.length, item?.clientId?.length]).toEqual([512, 128, 256])
  expect(item?.device?.isWellFormed()).toBe(true)
  await log.close()
  expect(clock.waiting).toBe(0)
})
