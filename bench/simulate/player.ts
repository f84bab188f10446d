import { setTimeout as wait } from 'node:timers/promises'
import { createInFlight } from './in-flight.ts'
import type { Due } from './schedule.ts'

export interface PlayClock {
  /** Milliseconds since 1970, with fractions. */
  readonly now: () => number
  /** Resolves after `ms`, or earlier when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export const systemClock: PlayClock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: async (ms, signal) => {
    // An abort is how playing is stopped early; the loop looks at the signal itself.
    await wait(ms, undefined, { signal }).catch(() => {})
  },
}

export interface PlayOptions {
  clock: PlayClock
  signal: AbortSignal
  /** Messages due at or after this moment are not sent. */
  untilMs: number
  /** Messages on their way at once; a full house waits (and the rest catches up), it never drops. */
  maxInFlight: number
  /** Sends one message; resolves when its outcome is known, whatever that is, and never rejects. */
  send: (due: Due) => Promise<void>
}

export interface PlayEnd {
  sent: number
  /** How late the latest message was sent, in milliseconds: large = the machine or the platform cannot keep this pace. */
  worstLagMs: number
}

/** Timers are no finer than this; messages due within it go out together. */
const tickMs = 1
/** Who cannot keep the pace is given this much longer, then the rest of the plan is given up. */
const graceMs = 500
/** The longest turn without giving sockets a chance, in messages. */
const burst = 200

/**
 * Sends each message when it is due. Due times are absolute, so waiting too long once does not move all that follows: there is no drift,
 * only catching up. Ends when the schedule or the time is over and every outcome is known.
 */
export async function play(schedule: Iterable<Due>, options: PlayOptions): Promise<PlayEnd> {
  const { clock, signal, untilMs, maxInFlight, send } = options
  const inFlight = createInFlight()
  let sent = 0
  let worstLagMs = 0
  let sinceYield = 0
  for (const due of schedule) {
    if (due.at >= untilMs || clock.now() > untilMs + graceMs) break
    let early = due.at - clock.now()
    while (early > 0 && !signal.aborted) {
      await clock.sleep(Math.max(tickMs, early), signal)
      early = due.at - clock.now()
      sinceYield = 0
    }
    while (inFlight.count() >= maxInFlight && !signal.aborted) {
      await inFlight.next()
      sinceYield = 0
    }
    if (signal.aborted) break
    if (++sinceYield >= burst) {
      await clock.sleep(0, signal)
      sinceYield = 0
    }
    worstLagMs = Math.max(worstLagMs, clock.now() - due.at)
    sent++
    inFlight.add(send(due))
  }
  while (inFlight.count() > 0) await inFlight.next()
  return { sent, worstLagMs }
}
