import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFakeClock } from '../../test/fake-clock.ts'
import { createArrivalClock } from './arrival-clock.ts'

test('a device never gets a time twice, also when it is forgotten and the clock is set back', () => {
  const step = fc.record({
    device: fc.nat(2),
    forget: fc.boolean(),
    passMs: fc.nat(3),
    jumpMs: fc.integer({ min: -5, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = createFakeClock()
      const arrival = createArrivalClock(clock)
      const kept = new Map<number, number>()
      const given = new Map<number, number>()
      for (const { device, forget, passMs, jumpMs } of steps) {
        clock.pass(passMs)
        clock.jump(jumpMs)
        if (forget) kept.delete(device)
        const at = arrival.next(kept.get(device) ?? 0)
        expect(at).toBeGreaterThan(given.get(device) ?? 0)
        kept.set(device, at)
        given.set(device, at)
      }
    }),
  )
})
