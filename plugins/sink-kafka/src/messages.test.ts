import { expect, test } from 'vitest'
import { toMessage, toRequests, toRoute } from './messages.ts'

const record = { id: 'w:1', device: 'boiler-1', type: 'ölboiler', at: 1_764_000_000_000_001, values: { n: 1 } }

test('a message has the device as its key and what a topic can hold of the type', () => {
  expect(toMessage(record, toRoute({ topic: 'readings.{type}', key: '{device}' }))).toEqual({
    topic: 'readings._lboiler',
    key: 'boiler-1',
    value: '{"device":"boiler-1","at":"2025-11-24T16:00:00.000001Z","values":{"n":1}}',
    headers: { 'content-type': 'application/json', id: 'w:1', type: 'ölboiler' },
    timestamp: 1_764_000_000_000n,
  })
})

test('requests stay below a size and keep the order; what is larger goes alone', () => {
  const message = (value: string) => ({ ...toMessage(record, toRoute({ topic: 'a', key: '{device}' })), value })
  const texts = ['a', 'b', 'c'.repeat(1000), 'd', 'e']
  const requests = toRequests(texts.map(message), 500)
  expect(requests.map((each) => each.map(({ value }) => value[0]).join(''))).toEqual(['ab', 'c', 'de'])
  expect(toRequests([])).toEqual([])
})
