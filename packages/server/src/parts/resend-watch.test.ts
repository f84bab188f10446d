import { createFakeClock } from '@patchbay/core/test/fake-clock'
import { expect, test } from 'vitest'
import { createResendWatch } from './resend-watch.ts'

test('a client that is kept out for resending is told of once a minute, other refusals not at all', () => {
  const clock = createFakeClock()
  const watch = createResendWatch(clock)
  const told: (string | undefined)[] = []
  const refusal = {
    protocol: 'mqtt',
    address: '::1',
    action: 'connect',
    step: 'resend',
    code: 'X',
    detail: 'It resends.',
  } as const
  watch.hear({ ...refusal, device: 'a' })
  watch.onResend((device, text) => {
    told.push(device)
    expect(text).toContain('It resends.')
  })
  watch.hear({ ...refusal, device: 'a' })
  watch.hear({ ...refusal, device: 'a' })
  watch.hear({ ...refusal, device: 'b' })
  watch.hear({ ...refusal, device: 'c', step: 'credentials' })
  expect(told).toEqual(['a', 'b'])
  clock.pass(60_000)
  watch.hear({ ...refusal, device: 'a' })
  expect(told).toEqual(['a', 'b', 'a'])
})
