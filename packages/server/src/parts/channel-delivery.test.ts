import type { DeliveryAnswer, Notification } from '@patchbay/contracts/notification'
import { createFakeClock } from '@patchbay/core/test/fake-clock'
import type { AlertChannel } from '@patchbay/sdk'
import { expect, test } from 'vitest'
import { createChannelDelivery } from './channel-delivery.ts'

const notification: Notification = {
  id: 'a.1.ops',
  kind: 'raised',
  at: '2026-01-01T00:00:00.000Z',
  alert: {
    id: 'a',
    severity: 'major',
    state: 'open',
    raisedAt: '2026-01-01T00:00:00.000Z',
    count: 1,
    value: 1,
    cause: 'x > 0',
  },
  rule: { id: 'r', name: 'R' },
  device: { id: 'd', tags: [] },
}

function bench(deliver: AlertChannel['deliver']) {
  const clock = createFakeClock()
  const delivery = createChannelDelivery(new Map([['alert-x/ops', { deliver }]]), clock)
  const stop = new AbortController()
  return {
    clock,
    stop,
    send: (channel = 'ops') => delivery.deliver(channel, notification, { attempt: 1, signal: stop.signal }),
  }
}

test('a channel is found by its name alone and answers for itself', async () => {
  const { send } = bench(async () => ({ outcome: 'refused', reply: 'x'.repeat(9000) }))
  const answer = await send()
  expect(answer).toMatchObject({ outcome: 'refused' })
  expect(answer.reply).toHaveLength(2000)
  expect(await send('boss')).toEqual({ outcome: 'retry', reply: 'There is no channel "boss", or it does not run.' })
})

test('a throw, an answer that is none and a silence are tries to be made again', async () => {
  expect(await bench(() => Promise.reject(new Error('hang up'))).send()).toEqual({ outcome: 'retry', reply: 'hang up' })
  const strange = bench(async () => ({ ok: true }) as unknown as DeliveryAnswer)
  expect(await strange.send()).toMatchObject({ outcome: 'retry' })
  let aborted = false
  const silent = bench((_notification, { signal }) => {
    signal.addEventListener('abort', () => (aborted = true))
    return new Promise(() => {})
  })
  const late = silent.send()
  silent.clock.pass(30_000)
  expect(await late).toEqual({ outcome: 'retry', reply: 'No answer within 30 s.' })
  expect(aborted).toBe(true)
})

test('the stop of the platform ends a try, and nothing stays behind', async () => {
  const { clock, stop, send } = bench(() => new Promise(() => {}))
  const cut = send()
  stop.abort()
  expect(await cut).toMatchObject({ outcome: 'retry' })
  expect(clock.waiting).toBe(0)
})
