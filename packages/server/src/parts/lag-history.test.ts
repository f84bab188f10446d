import type { DeliveryStatus } from '@patchbay/contracts/delivery'
import type { FeedStatus } from '@patchbay/contracts/feed'
import { expect, test } from 'vitest'
import { createLagHistory, lagEveryMs, maxLagSamples } from './lag-history.ts'

/** A clock that the test moves, and what runs. */
function open() {
  let micros = 1_764_000_000_000_000
  let wake = (): void => undefined
  const deliveries = new Map<string, DeliveryStatus>()
  const feeds = new Map<string, FeedStatus>()
  const history = createLagHistory({
    deliveries: { running: () => deliveries },
    feeds: { running: () => feeds },
    clock: {
      nowMicros: () => micros,
      monotonicMs: () => micros / 1000,
      after: (_ms, work) => {
        wake = work
        return () => (wake = () => undefined)
      },
    },
  })
  const pass = (times: number, each?: (n: number) => void): void => {
    for (let n = 0; n < times; n++) {
      each?.(n)
      micros += lagEveryMs * 1000
      wake()
    }
  }
  return { history, deliveries, feeds, pass }
}
const sink = (records: number): DeliveryStatus => ({
  state: 'behind',
  lag: { records, seconds: records / 10 },
  rate: 5,
  sent: 0,
  refused: 0,
  deadLetters: 0,
  gone: 0,
  tries: 0,
})

test('samples of sinks and sources come in order, with their times', () => {
  const { history, deliveries, feeds, pass } = open()
  feeds.set('source-x/main', {
    taken: 1,
    refused: 0,
    unkept: 0,
    rate: 2,
    deadLetters: 0,
    lag: { records: 3, seconds: 4 },
  })
  pass(3, (n) => deliveries.set('sink-x/main', sink(n * 10)))
  expect(history.of('sink-x/main')).toEqual({
    everySeconds: 10,
    items: [
      { at: '2025-11-24T16:00:10.000Z', records: 0, seconds: 0, rate: 5 },
      { at: '2025-11-24T16:00:20.000Z', records: 10, seconds: 1, rate: 5 },
      { at: '2025-11-24T16:00:30.000Z', records: 20, seconds: 2, rate: 5 },
    ],
  })
  expect(history.of('source-x/main').items.at(-1)).toMatchObject({ records: 3, seconds: 4, rate: 2 })
  expect(history.of('nobody/main').items).toEqual([])
})

test('an hour is kept and no more, and what has not run for an hour is forgotten', () => {
  const { history, deliveries, pass } = open()
  pass(maxLagSamples + 5, (n) => deliveries.set('sink-x/main', sink(n)))
  const { items } = history.of('sink-x/main')
  expect(items).toHaveLength(maxLagSamples)
  expect([items[0]?.records, items.at(-1)?.records]).toEqual([5, maxLagSamples + 4])
  deliveries.clear()
  pass(maxLagSamples)
  expect(history.of('sink-x/main').items).toHaveLength(maxLagSamples)
  pass(1)
  expect(history.of('sink-x/main').items).toEqual([])
})
