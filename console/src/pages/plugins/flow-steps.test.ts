import type { Instance } from '@patchbay/contracts/plugin'
import { expect, test } from 'vitest'
import { en } from '../../words/en.ts'
import { fillMessage } from '../../words/format.ts'
import { rateOf, type Speech, toFlowSteps } from './flow-steps.ts'

const speech: Speech = { t: (word, fill) => fillMessage(en[word], fill ?? {}, 'en'), toCount: String }

const instance: Instance = {
  plugin: 'sink-x',
  name: 'main',
  enabled: true,
  config: { topic: 'readings' },
  state: 'running',
  status: { state: 'running', since: '2026-11-25T09:00:00.000Z' },
  version: 1,
}
const linesOf = (of: Instance): string[] =>
  toFlowSteps(of, 'Far', speech).map(({ title, lines }) => `${title}: ${lines.join('; ')}`)

test('a sink: from what is stored by what is selected to the target', () => {
  const status = {
    state: 'behind',
    lag: { records: 7, seconds: 1 },
    rate: 3,
    sent: 9,
    refused: 0,
    deadLetters: 0,
    gone: 0,
    tries: 0,
  } as const
  const select = { devices: ['a', 'b', 'c', 'd'], keys: ['t'], when: 't > 1.0' }
  expect(linesOf({ ...instance, select, delivery: { batch: 10 }, deliveryStatus: status })).toEqual([
    'Stored here: 7 wait',
    'Select: Devices: a, b, c +1; Keys: t; Only when: t > 1.0',
    'Map: topic: readings; 10 records or 1s',
    'Far: 9 records delivered',
  ])
  expect(linesOf(instance)[1]).toBe('Select: everything')
  expect(rateOf({ ...instance, deliveryStatus: status })).toBe(3)
})

test('a source: from the other side to devices here; the end that is in trouble is marked', () => {
  const feedStatus = { taken: 1, refused: 0, unkept: 0, rate: 2.5, deadLetters: 0, lag: { records: 1, seconds: 0 } }
  const source: Instance = {
    ...instance,
    config: { topics: ['a', 'b'], device: '{/device}', createDevices: { type: 'meter' } },
    feedStatus,
  }
  expect(linesOf(source)).toEqual([
    'Far: topics: a, b; 1 waits',
    'Map: Device: {/device}',
    'Check: new devices are made, of type meter',
    'Devices here: 1 message taken',
  ])
  expect(linesOf({ ...source, config: {} })[2]).toBe('Check: registered devices only')
  expect(toFlowSteps({ ...source, state: 'degraded' }, 'Far', speech)[0]?.isBad).toBe(true)
  expect(rateOf(source)).toBe(2.5)
})
