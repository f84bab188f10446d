import type { Clock } from '../clock.ts'
import type { LiveSession } from './live-session.ts'

/** One timer reaches this far; a later end is looked at again then. A day is far below what a timer can hold. */
export const expiryStepMs = 24 * 3600 * 1000

/** Ends a session at the time that its proof ends, such as the `exp` of a token. */
export function endAt(session: LiveSession, endsAtMicros: number, clock: Clock): void {
  const leftMs = (endsAtMicros - clock.nowMicros()) / 1000
  const waitMs = Math.min(expiryStepMs, Math.max(0, Math.ceil(leftMs)))
  session.cancelExpiry = clock.after(waitMs, () => {
    if (endsAtMicros <= clock.nowMicros()) session.end('revoked')
    else endAt(session, endsAtMicros, clock)
  })
}
