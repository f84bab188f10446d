import type { SinkRecord, WriteAnswer } from '@patchbay/contracts/delivery'
import { expect, test, vi } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { systemClock } from '../clock.ts'
import type { DeadLetters } from './dead-letters.ts'
import { createDelivery } from './delivery.ts'
import { deliveryLimits } from './limits.ts'
import type { Source } from './port.ts'
import { letterOfRecord } from './record-source.ts'
import { createTargetTry } from './target-try.ts'

const toRecord = (n: number): SinkRecord => ({ id: `w:${n}`, device: 'd1', type: '', at: n, values: { n } })

/** A log of so many records of one point each. */
const toSource = (length: number): Source<SinkRecord> => ({
  ...letterOfRecord,
  end: () => ({ w: length }),
  async read({ w = 0 }, limit) {
    const items = Array.from({ length: Math.min(limit, length - w) }, (_, i) => ({
      item: toRecord(w + i + 1),
      writer: 'w',
      seq: w + i + 1,
      bytes: 10,
    }))
    return { items, cursor: { w: w + items.length }, gone: 0 }
  },
  hold: async () => undefined,
  laneOf: ({ device }) => device,
})

const place = { cursor: {}, floor: {}, micros: 0, sent: 0, refused: 0, gone: 0, points: 0, records: 0, waitsSince: 0 }

test('a full box of dead letters holds the stream, says so, and loses nothing', async () => {
  let room = 2
  const parked: string[] = []
  const letters = {
    get room() {
      return room
    },
    count: 0,
    async park(refused: { item: SinkRecord }[]) {
      parked.push(...refused.map(({ item }) => item.id))
      room -= refused.length
    },
  } as unknown as DeadLetters<SinkRecord>
  const troubles: (string | undefined)[] = []
  const delivery = createDelivery({
    source: toSource(5),
    write: async () => ({ outcome: 'refused', reply: 'no such table' }),
    letters,
    times: { since: () => undefined },
    clock: systemClock,
    random: () => 0.5,
    place,
    keep: async () => undefined,
    batch: 1000,
    waitMs: 5,
    ordered: true,
    trouble: (why) => troubles.push(why),
    onFault: (error) => {
      throw error
    },
  })
  await vi.waitFor(() => expect(delivery.status().state).toBe('blocked'))
  expect(parked).toEqual(['w:1', 'w:2'])
  expect(troubles.at(-1)).toMatch(/dead letters/)
  room = 10
  await vi.waitFor(() => expect(parked).toHaveLength(5), { timeout: 3 * deliveryLimits.fullMs })
  expect(delivery.status().refused).toBe(5)
  await delivery.close()
})

test('the place that is kept is never ahead of what the target has, whatever fails', async () => {
  const total = 300
  let taken = 0
  let tries = 0
  const ahead: number[] = []
  let kept = 0
  const delivery = createDelivery({
    source: toSource(total),
    async write(records): Promise<WriteAnswer> {
      tries += 1
      await new Promise((resolve) => setImmediate(resolve))
      if (tries === 2) return { outcome: 'retry', reply: 'away' }
      taken += records.length
      return { outcome: 'delivered' }
    },
    letters: { room: 0, count: 0 } as unknown as DeadLetters<SinkRecord>,
    times: { since: () => undefined },
    clock: systemClock,
    random: () => 0,
    place,
    keep: async ({ cursor }) => {
      kept = cursor['w'] ?? 0
      if (kept > taken) ahead.push(kept)
    },
    batch: 10,
    waitMs: 5,
    ordered: true,
    trouble: () => undefined,
    onFault: (error) => {
      throw error
    },
  })
  await vi.waitFor(() => expect(kept).toBe(total), { timeout: 5000 })
  expect(ahead).toEqual([])
  await delivery.close()
})

test('a target that hangs is given up, and what answers nonsense is asked again', async () => {
  const clock = createFakeClock()
  let hanging: AbortSignal | undefined
  const answers: unknown[] = [
    { outcome: 'fine' },
    { outcome: 'partial', refused: [{ index: 7, reply: '' }], retry: [] },
  ]
  const tryOnce = createTargetTry<SinkRecord>({
    async write(_items, { signal }) {
      const answer = answers.shift()
      if (answer) return answer as WriteAnswer
      hanging = signal
      return new Promise(() => undefined)
    },
    clock,
    stop: new AbortController().signal,
  })
  expect(await tryOnce([toRecord(1)], 1)).toMatchObject({
    outcome: 'retry',
    reply: expect.stringMatching(/cannot be read/),
  })
  expect(await tryOnce([toRecord(1)], 1)).toMatchObject({
    outcome: 'retry',
    reply: expect.stringMatching(/does not have/),
  })
  const late = tryOnce([toRecord(1)], 1)
  await vi.waitFor(() => expect(hanging).toBeDefined())
  clock.pass(deliveryLimits.writeMs)
  expect(await late).toEqual({ outcome: 'retry', reply: 'No answer within 30 s.' })
  expect(hanging?.aborted).toBe(true)
})
