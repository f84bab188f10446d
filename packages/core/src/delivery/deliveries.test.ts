import type { DeliverySettings, Selection, SinkRecord, WriteAnswer } from '@patchbay/contracts/delivery'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryRegistry, type MemoryRegistry } from '../../test/memory-registry.ts'
import { createMemoryTelemetry, type MemoryTelemetry } from '../../test/memory-telemetry.ts'
import { systemClock } from '../clock.ts'
import { kinds } from '../telemetry/port.ts'
import { createDeliveries, type Deliveries } from './deliveries.ts'

const base = 1_764_000_000_000_000
const instance = 'sink-test/main'
let registry: MemoryRegistry
let telemetry: MemoryTelemetry
let deliveries: Deliveries
let faults: unknown[]
let closes: (() => Promise<void>)[]

beforeEach(() => {
  registry = createMemoryRegistry()
  telemetry = createMemoryTelemetry()
  faults = []
  closes = []
  deliveries = makeDeliveries()
})
afterEach(async () => {
  await Promise.all(closes.map((close) => close()))
  deliveries.close()
  expect(faults).toEqual([])
})

const makeDeliveries = (): Deliveries =>
  createDeliveries({
    registry,
    telemetry,
    clock: systemClock,
    random: () => 0.5,
    typeOf: () => 'meter',
    devices: async () => (device) => ({ type: 'meter', tags: device === 'd1' ? ['north'] : [] }),
    onFault: (error) => faults.push(error),
  })

/** Commits one record a number: its values are `n` and `double`. */
async function commit(device: string, numbers: readonly number[]): Promise<void> {
  const series = await telemetry.openDevice(device)
  const ids = [telemetry.addSeries(series, 'n'), telemetry.addSeries(series, 'double')]
  const length = numbers.length * 2
  await telemetry.append({
    length,
    series: Uint32Array.from({ length }, (_, row) => ids[row % 2]!),
    at: Float64Array.from({ length }, (_, row) => base + numbers[row >> 1]! * 1e6),
    kind: new Uint8Array(length).fill(kinds.number),
    number: Float64Array.from({ length }, (_, row) => numbers[row >> 1]! * (1 + (row % 2))),
    text: [],
  })
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

interface World {
  got: number[]
  records: SinkRecord[]
  batches: number[]
  troubles: (string | undefined)[]
  answer: (records: readonly SinkRecord[]) => WriteAnswer
  close: () => Promise<void>
}

function open(delivery: DeliverySettings = {}, select: Selection = {}, tags = false): World {
  const world: World = {
    got: [],
    records: [],
    batches: [],
    troubles: [],
    answer: () => ({ outcome: 'delivered' }),
    close: async () => undefined,
  }
  world.close = deliveries.open({
    instance,
    select,
    delivery: { from: 'beginning', wait: '5ms', ...delivery },
    most: undefined,
    ordered: true,
    tags,
    async write(records) {
      const answer = world.answer(records)
      if (answer.outcome !== 'delivered') return answer
      world.batches.push(records.length)
      world.records.push(...records)
      world.got.push(...records.map(({ values }) => Number(values['n'] ?? values['double'])))
      return answer
    },
    trouble: (why) => world.troubles.push(why),
  })
  closes.push(world.close)
  return world
}
const status = async () => (await deliveries.status(instance))!

test('everything committed goes out in order, in batches, and the lag comes to nothing', async () => {
  await commit('d1', range(0, 2500))
  const world = open()
  await vi.waitFor(() => expect(world.got).toHaveLength(2500))
  expect(world.got).toEqual(range(0, 2500))
  expect(world.batches[0]).toBe(1000)
  expect(world.records[3]).toEqual({
    id: 'memory:8',
    device: 'd1',
    type: 'meter',
    at: base + 3e6,
    values: { n: 3, double: 6 },
  })
  await vi.waitFor(async () =>
    expect(await status()).toMatchObject({ state: 'current', lag: { records: 0, seconds: 0 }, sent: 2500, gone: 0 }),
  )
})

test('where names are made of tags, records hold those of their devices, and so do letters', async () => {
  await commit('d1', range(0, 1))
  await commit('d2', range(1, 2))
  const world = open({}, {}, true)
  await vi.waitFor(() => expect(world.records.map(({ tags }) => tags)).toEqual([['north'], []]))
  world.answer = () => ({ outcome: 'refused', reply: 'no' })
  await commit('d1', range(2, 3))
  await vi.waitFor(async () => expect(await status()).toMatchObject({ deadLetters: 1 }))
  const [first] = (await (await deliveries.letters(instance)).list({ limit: 10 })).items
  expect(first?.body.item).toMatchObject({ device: 'd1', tags: ['north'] })
})

test('it goes on where it was after a restart, and `from: now` leaves out what was there', async () => {
  await commit('d1', range(0, 10))
  const first = open({ from: 'now' })
  await vi.waitFor(async () => expect(await status()).toBeDefined())
  await commit('d1', range(10, 20))
  await vi.waitFor(() => expect(first.got).toEqual(range(10, 20)))
  await first.close()
  await commit('d1', range(20, 30))
  expect(await status()).toMatchObject({ state: 'stopped', lag: { records: 10 }, sent: 10 })
  deliveries.close()
  deliveries = makeDeliveries()
  const second = open({ from: 'now' })
  await vi.waitFor(() => expect(second.got).toEqual(range(20, 30)))
})

test('a target that is away costs nothing and gets everything when it is back', async () => {
  const world = open()
  world.answer = () => ({ outcome: 'retry', reply: 'ECONNREFUSED' })
  await commit('d1', range(0, 50))
  await vi.waitFor(() => expect(world.troubles).toContain('ECONNREFUSED'))
  await commit('d2', range(50, 100))
  expect(await status()).toMatchObject({
    state: 'retrying',
    lag: { records: 100 },
    lastError: { text: 'ECONNREFUSED' },
    nextTryAt: expect.any(String),
  })
  expect((await status()).lag.seconds).toBeGreaterThan(0)
  world.answer = () => ({ outcome: 'delivered' })
  await vi.waitFor(() => expect(world.got).toEqual(range(0, 100)), { timeout: 5000 })
  expect(world.troubles.at(-1)).toBeUndefined()
})

test('a bad record becomes a dead letter in the remote’s words: it is mended, sent again, or dropped', async () => {
  const world = open()
  world.answer = (records) => {
    const bad = records.find(({ values }) => [7, 42, 43].includes(Number(values['n'])))
    return bad
      ? { outcome: 'refused', reply: `row ${Number(bad.values['n'])}: "${bad.device}" is out of range` }
      : { outcome: 'delivered' }
  }
  await commit('d1', range(0, 1000))
  await vi.waitFor(async () => expect(await status()).toMatchObject({ sent: 997, refused: 3, deadLetters: 3 }))
  expect(world.got).toEqual(range(0, 1000).filter((n) => ![7, 42, 43].includes(n)))
  const letters = await deliveries.letters(instance)
  const [cause] = letters.causes()
  // One cause: the numbers and names in it differ.
  expect(letters.causes()).toMatchObject([{ count: 3, reply: 'row 43: "d1" is out of range' }])
  const { items } = await letters.list({ limit: 2 })
  expect(items).toMatchObject([
    { body: { reply: 'row 7: "d1" is out of range', tries: 1, item: { values: { n: 7 } } } },
    {},
  ])

  await expect(letters.edit(items[0]!.id, { values: { n: null } })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  await letters.edit(items[0]!.id, { values: { n: 5007 } })
  expect(await deliveries.redrive(instance, { cause: cause!.cause })).toMatchObject({
    delivered: 1,
    refused: 2,
    left: 0,
  })
  expect(world.got.at(-1)).toBe(5007)
  expect(letters.causes()).toMatchObject([{ count: 2 }])
  expect((await letters.list({ limit: 10 })).items.map(({ body }) => body.tries)).toEqual([2, 2])
  await letters.drop(await letters.choose({}))
  expect(await status()).toMatchObject({ sent: 998, deadLetters: 0 })
})

test('an instance gets what it selects; `when` sees the whole record before keys narrow it', async () => {
  const world = open({}, { tags: ['north'], keys: ['double'], when: 'n > 4.0' })
  await commit('d1', range(0, 10))
  await commit('d2', range(0, 10))
  await vi.waitFor(() => expect(world.records).toHaveLength(5))
  expect(world.records.map(({ device, values }) => [device, values])).toEqual(
    range(5, 10).map((n) => ['d1', { double: 2 * n }]),
  )
  await vi.waitFor(async () => expect((await status()).lag.records).toBe(0))
})

test('a replay sends everything from a time on again, and then goes on', async () => {
  const world = open()
  await commit('d1', range(0, 10))
  await vi.waitFor(() => expect(world.got).toHaveLength(10))
  await deliveries.replay(instance, new Date(base / 1000 + 6000).toISOString())
  await vi.waitFor(() => expect(world.got.slice(10)).toEqual(range(6, 10)))
  // What comes late is none of the replay's past.
  await commit('d1', [3])
  await vi.waitFor(() => expect(world.got.slice(14)).toEqual([3]))
  await expect(deliveries.replay(instance, 'yesterday')).rejects.toMatchObject({ code: 'FIELD_INVALID' })
})

test('points that went before they were read are counted, those of before its time are not', async () => {
  const readAll = telemetry.readCommitted.bind(telemetry)
  const gone = new Set<number>([2])
  telemetry.readCommitted = async (cursor, limit) => {
    const page = await readAll(cursor, limit)
    return { ...page, records: page.records.filter(({ values }) => !gone.has(Number(values['n']))) }
  }
  await commit('d1', range(0, 5))
  const world = open()
  await vi.waitFor(() => expect(world.got).toEqual([0, 1, 3, 4]))
  expect((await status()).gone).toBe(0)
  for (const n of [6, 7]) gone.add(n)
  await commit('d1', range(5, 10))
  await vi.waitFor(() => expect(world.got.slice(4)).toEqual([5, 8, 9]))
  expect((await status()).gone).toBe(4)
})

test('an instance that is forgotten leaves nothing', async () => {
  const world = open()
  world.answer = () => ({ outcome: 'refused', reply: 'no' })
  await commit('d1', range(0, 3))
  await vi.waitFor(async () => expect(await status()).toMatchObject({ deadLetters: 3 }))
  await world.close()
  await deliveries.forget(instance)
  expect(await deliveries.status(instance)).toBeUndefined()
  expect(await registry.count('dead_letters')).toBe(0)
})
