export const provisioningLimits = {
  keys: 1_000,
  /** Requests of one key that wait for their place in its count, or were counted and are being made. */
  underWay: 1_000,
  /** Tries to write a key that others write too. */
  changeTries: 10,
  /** The last use is written at most this often when nothing else is. */
  touchEveryMs: 60_000,
} as const
