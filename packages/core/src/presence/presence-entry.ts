/** What is held of one device. Fields are only assigned, so that a sign of life allocates nothing. */
export interface PresenceEntry {
  readonly device: string
  status: 'never' | 'online' | 'offline'
  sinceMicros: number
  /** The last sign of life by the system's clock, for people. */
  seenMicros: number
  storedSeenMicros: number
  /** The same in monotonic time, for deciding. */
  aliveMs: number
  sessions: number
  /** When the last session ended without life since; -1 when there is nothing to wait for. */
  closedMs: number
  heartbeatMs: number
  /** It had a session when it was last stored, before the start. */
  wasConnected: boolean
  /** The other node that tells of the device; undefined: this one does. */
  node: string | undefined
  /** When it last did, in monotonic time. */
  toldMs: number
}

export const createEntry = (device: string): PresenceEntry => ({
  device,
  status: 'never',
  sinceMicros: 0,
  seenMicros: 0,
  storedSeenMicros: 0,
  aliveMs: 0,
  sessions: 0,
  closedMs: -1,
  heartbeatMs: 0,
  wasConnected: false,
  node: undefined,
  toldMs: 0,
})

/** Why a device that is online is so no longer; undefined while it still is. */
export function endOfSilence(entry: PresenceEntry, nowMs: number, reconnectMs: number): string | undefined {
  if (entry.closedMs >= 0 && nowMs - entry.closedMs >= reconnectMs) return 'The session ended.'
  if (nowMs - entry.aliveMs > entry.heartbeatMs) return 'The heartbeat was missed.'
  return undefined
}
