import type { Clock } from '../clock.ts'

/** Signals that one state gives before its numbers meet those of the next. */
const perState = 1000

/** Where the signals of a new state begin to count: above those of every state before it, also of former processes. */
export function createSignalNumbers(clock: Pick<Clock, 'nowMicros'>): () => number {
  let last = 0
  return () => (last = Math.max(last + perState, clock.nowMicros()))
}
