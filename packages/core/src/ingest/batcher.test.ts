import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createMemoryTelemetry } from '../../test/memory-telemetry.ts'
import { createBatcher } from './batcher.ts'
import { createDeviceIngestPool, type DeviceIngest } from './device-ingest.ts'
import { ingestLimits } from './limits.ts'

async function bench() {
  const clock = createFakeClock()
  const telemetry = createMemoryTelemetry()
  const faults: unknown[] = []
  const batcher = createBatcher({ telemetry, clock, onFault: (error) => faults.push(error) })
  const pool = createDeviceIngestPool(telemetry)
  let at = 0
  const add = (ingest: DeviceIngest, points: number, settle: Parameters<typeof batcher.add>[1]) => {
    const series = ingest.series.keys.get('k') ?? ingest.addSeries('k')
    for (let i = 0; i < points; i++) batcher.columns.addNumber(series, ++at, i)
    batcher.add(ingest, settle)
  }
  const turns = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return { clock, telemetry, batcher, pool, add, faults, turns }
}

test('commits at once when idle, and what comes together goes together', async () => {
  const { telemetry, batcher, pool, add, turns } = await bench()
  const ingest = await pool.acquire('a', undefined)
  let settled = 0
  for (let i = 0; i < 3; i++) add(ingest, 2, () => settled++)
  expect(settled).toBe(0)
  await turns()
  expect(settled).toBe(3)
  expect(telemetry.appends).toEqual([6])
  expect(batcher.stats()).toMatchObject({ messages: 3, points: 6, groups: 1, pointsWaiting: 0, messagesWaiting: 0 })
})

test('keeps groups apart by the window, and hands over behind a slow commit at the ceiling', async () => {
  const { clock, telemetry, pool, add, turns } = await bench()
  const ingest = await pool.acquire('a', undefined)
  add(ingest, 1, () => {})
  await turns()
  add(ingest, 1, () => {})
  await turns()
  expect(telemetry.appends).toHaveLength(1)
  clock.pass(ingestLimits.groupWindowMs)
  await turns()
  expect(telemetry.appends).toHaveLength(2)

  let open = () => {}
  telemetry.gate = new Promise((resolve) => (open = resolve))
  clock.pass(ingestLimits.groupWindowMs)
  add(ingest, 1, () => {})
  await turns()
  add(ingest, 1, () => {})
  clock.pass(ingestLimits.groupCeilingMs - 1)
  expect(telemetry.appends).toHaveLength(3)
  clock.pass(1)
  expect(telemetry.appends).toHaveLength(4)
  add(ingest, ingestLimits.pointsPerGroup, () => {})
  expect(telemetry.appends).toEqual([1, 1, 1, 1, ingestLimits.pointsPerGroup])
  open()
})

test('a failed commit refuses all of its messages, and the next one works', async () => {
  const { clock, telemetry, pool, add, turns } = await bench()
  const ingest = await pool.acquire('a', undefined)
  telemetry.failing = true
  const codes: (string | undefined)[] = []
  for (let i = 0; i < 3; i++) add(ingest, 1, (refused) => codes.push(refused?.code))
  await turns()
  telemetry.failing = false
  add(ingest, 1, (refused) => codes.push(refused?.code))
  clock.pass(5)
  await turns()
  expect(codes).toEqual(['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE', 'STORE_UNAVAILABLE', undefined])
  expect(ingest.waiting).toBe(0)
})

test('takes no more than may wait, and counts what QoS 0 lost', async () => {
  const { telemetry, batcher, pool, add, turns } = await bench()
  const ingest = await pool.acquire('a', undefined)
  const other = await pool.acquire('b', undefined)
  let open = () => {}
  telemetry.gate = new Promise((resolve) => (open = resolve))
  for (let i = 0; i < ingestLimits.messagesWaitingPerDevice; i++) add(ingest, 1, () => {})
  expect(batcher.refuses(ingest, true)?.code).toBe('INGEST_FULL')
  expect(batcher.refuses(other, false)).toBeUndefined()
  expect(batcher.stats().shedQos0).toBe(1)
  open()
  await batcher.drain()
  await turns()
  expect(batcher.refuses(ingest, false)).toBeUndefined()
})

test('a settle that throws takes nobody else along', async () => {
  const { pool, add, faults, turns } = await bench()
  const ingest = await pool.acquire('a', undefined)
  let settled = 0
  add(ingest, 1, () => {
    throw new Error('mine')
  })
  add(ingest, 1, () => settled++)
  await turns()
  expect([settled, faults.length]).toEqual([1, 1])
})

test('every message is settled exactly once, in order, whatever the store does', async () => {
  type Step = { device: number; points: number } | { passMs: number } | { failing: boolean } | { turn: true }
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ device: fc.nat(2), points: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 2, arbitrary: fc.record({ passMs: fc.nat(120) }) },
    { weight: 1, arbitrary: fc.record({ failing: fc.boolean() }) },
    { weight: 2, arbitrary: fc.constant({ turn: true as const }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array<Step>(step, { maxLength: 60 }), async (steps) => {
      const { clock, telemetry, batcher, pool, add, turns } = await bench()
      const ingests = await Promise.all(['a', 'b', 'c'].map(async (id) => pool.acquire(id, undefined)))
      const settled: number[] = []
      let added = 0
      let acknowledged = 0
      for (const each of steps) {
        if ('device' in each) {
          const n = added++
          add(ingests[each.device]!, each.points, (refused) => {
            settled.push(n)
            if (!refused) acknowledged += each.points
          })
        } else if ('passMs' in each) clock.pass(each.passMs)
        else if ('failing' in each) telemetry.failing = each.failing
        else await turns()
      }
      await batcher.drain()
      expect(settled).toEqual(Array.from({ length: added }, (_, i) => i))
      const stored = ['a', 'b', 'c'].reduce((sum, id) => sum + telemetry.points(id).length, 0)
      expect(stored).toBe(acknowledged)
      expect(batcher.stats()).toMatchObject({ pointsWaiting: 0, messagesWaiting: 0 })
      expect(ingests.map((ingest) => ingest.waiting)).toEqual([0, 0, 0])
    }),
    { numRuns: 60 },
  )
})
