import type { PresenceStatus } from '../presence/port.ts'
import type { Pair } from './evaluate.ts'

/** What a pair knows without a reading: that the device was there once, and since when it is offline. */
export function arm({ rule, state }: Pair, { status, since }: PresenceStatus, now: number): void {
  if (rule.noData && state.seenAt === 0 && status !== 'never') state.seenAt = now
  if (!rule.offline) return
  if (status !== 'offline') state.offlineAt = 0
  else if (state.offlineAt === 0) state.offlineAt = since === undefined ? now : Date.parse(since) * 1000
}
