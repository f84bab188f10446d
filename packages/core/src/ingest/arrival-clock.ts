import type { Clock } from '../clock.ts'

/**
 * Gives readings without `ts` their time. Contract section 4: strictly increasing per device, so that no acknowledged value replaces
 * another. A device that comes anew starts above everything given before, hence a clock that was set back cannot repeat a time.
 */
export interface ArrivalClock {
  /** The next time after `last` (0 when the device has had none yet). */
  next(last: number): number
}

/** One of several nodes: it gives only times that are `slot` beyond a multiple of `of`, so that no two nodes give the same one. */
export interface ArrivalSlot {
  slot: number
  of: number
}

export function createArrivalClock(clock: Clock, place?: ArrivalSlot): ArrivalClock {
  return place ? createSharedClock(clock, place) : createOwnClock(clock)
}

function createSharedClock(clock: Clock, { slot, of }: ArrivalSlot): ArrivalClock {
  const own = createOwnClock({
    nowMicros: () => Math.ceil((clock.nowMicros() - slot) / of),
  })
  return { next: (last) => own.next(last === 0 ? 0 : (last - slot) / of) * of + slot }
}

function createOwnClock(clock: Pick<Clock, 'nowMicros'>): ArrivalClock {
  let highest = 0
  return {
    next(last) {
      const floor = last === 0 ? highest : last
      const now = clock.nowMicros()
      const at = now > floor ? now : floor + 1
      if (at > highest) highest = at
      return at
    },
  }
}
