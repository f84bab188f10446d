import type { Clock } from '@patchbay/core/clock'
import { liveLimits } from './limits.ts'

/** The turns of live delivery, counted from the start: what changes is marked with the turn that will tell it. */
export interface Pulse {
  /** The last turn that was told. */
  readonly turn: number
  /** Something changed: answers the turn that tells it, and sees to it that it comes. */
  touch(): number
  /** A turn of which nobody was told anything: no cursor given out before this call reaches it. */
  advance(): number
  /** Some viewer could not be told everything: looks again, in a turn's time. */
  again(): void
  close(): void
}

/** Runs `tell` at most once per 100 ms, and not at all while nothing changes. */
export function createPulse(clock: Clock, tell: (turn: number) => void): Pulse {
  let turn = 0
  let changed = false
  let lastMs = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | undefined
  let closed = false

  const arm = (): void => {
    if (cancel || closed) return
    const waitMs = Math.max(0, liveLimits.frameEveryMs - (clock.monotonicMs() - lastMs))
    cancel = clock.after(waitMs, () => {
      cancel = undefined
      lastMs = clock.monotonicMs()
      if (changed) turn++
      changed = false
      tell(turn)
    })
  }

  return {
    get turn() {
      return turn
    },
    touch() {
      changed = true
      if (!cancel) arm()
      return turn + 1
    },
    advance: () => ++turn,
    again: arm,
    close() {
      closed = true
      cancel?.()
    },
  }
}
