export const commandLimits = {
  openPerDevice: 100,
  openInAll: 100_000,
  /** Of `params` and of `result`, each as JSON. */
  valueBytes: 64 * 1024,
  valueDepth: 32,
  errorLength: 1000,
  defaultTimeoutSeconds: 60,
  pollWaitMs: 60_000,
  pollsPerDevice: 10,
  /** A timer is never set for longer: setTimeout cannot count further than 24 days. */
  timerMs: 3_600_000,
  /** Ended commands are kept so long as history. */
  historyMicros: 90 * 24 * 3600 * 1_000_000,
} as const
