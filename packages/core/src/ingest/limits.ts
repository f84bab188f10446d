/** Limits of what one message may hold and of what may wait to be stored. Contract section 6 names those that devices see. */
export const ingestLimits = {
  packetBytes: 256 * 1024,
  depth: 32,
  /** Telemetry keys in one message; the `ts` and `values` around them are not counted. */
  keysPerMessage: 2000,
  /** Readings in the array of one message. */
  itemsPerMessage: 2000,
  /** Data items in one CBOR message: one byte can be one, and the decoder takes 0.15 µs for each. */
  cborItems: 65_536,
  keyLength: 128,
  keysPerDevice: 2000,
  /** A `ts` further ahead than this is a wrong clock. */
  aheadMicros: 24 * 3600 * 1_000_000,
  /** A commit group is handed over once it holds so many points. */
  pointsPerGroup: 2000,
  /** Commit groups follow each other no closer than this. */
  groupWindowMs: 5,
  /** A group waits at most so long behind the commit before it. */
  groupCeilingMs: 100,
  /** Over all devices. */
  pointsWaiting: 200_000,
  textWaiting: 64 * 1024 * 1024,
  messagesWaitingPerDevice: 10_000,
  /** Device records kept for devices that have no session at the moment. */
  idleDevices: 1000,
} as const
