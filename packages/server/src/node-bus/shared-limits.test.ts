import { createMemoryBuses } from '../../test/harness/memory-bus.ts'
import { shareDeviceLimiter, sharePersonLimiter } from './shared-limits.ts'
import { systemClock } from '@patchbay/core/clock'
import { createLoginLimiter, maxRefusedPerAddress, refusedWindowMs } from '@patchbay/core/devices/login-limiter'
import { createLoginLimiter as createPersonLimiter } from '@patchbay/core/people/login-limiter'
import { expect, test } from 'vitest'

/** Time passes when it is told to. */
function createTestClock() {
  let nowMs = 0
  return { ...systemClock, monotonicMs: () => nowMs, pass: (ms: number) => (nowMs += ms) }
}

test('whoever guesses devices at two nodes has the tries of one', () => {
  const clock = createTestClock()
  const [one, two] = createMemoryBuses(2).map((bus) =>
    shareDeviceLimiter(createLoginLimiter({ clock }), bus, 'refused'),
  )
  for (let n = 0; n < maxRefusedPerAddress; n++) {
    const node = n % 2 === 0 ? one : two
    node?.assertMayTry('198.51.100.7', `d${n}`)
    node?.refused('198.51.100.7', `d${n}`)
  }
  for (const node of [one, two])
    expect(() => node?.assertMayTry('198.51.100.7', 'd')).toThrow('Too many refused logins')
  clock.pass(refusedWindowMs)
  for (const node of [one, two]) node?.assertMayTry('198.51.100.7', 'd')
})

test('whoever guesses a password at two nodes has the tries of one, and who knows it is forgiven at both', () => {
  const clock = createTestClock()
  const [one, two] = createMemoryBuses(2).map((bus) => sharePersonLimiter(createPersonLimiter(clock), bus))
  for (let n = 0; n < 10; n++) (n % 2 === 0 ? one : two)?.take('ann', '198.51.100.7')
  for (const node of [one, two]) expect(() => node?.take('ann', '198.51.100.7')).toThrow('Too many tries')
  one?.succeed('ann', '198.51.100.7')
  two?.take('ann', '198.51.100.7')
})
