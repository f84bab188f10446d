/** Limits of sessions and of what waits for them. Contract section 6 names those that devices see. */
export const sessionLimits = {
  sessionsPerDevice: 10,
  sessionsPerApplication: 10_000,
  sessionsPerProvisioningKey: 1000,
  subscriptionsPerDevice: 200,
  subscriptionsPerApplication: 10_000,
  /** Messages of a topic whose rights and series are still being looked up. */
  messagesResolving: 1000,
  /** Resolved topics that a session remembers by name. */
  topicsRemembered: 1000,
  /** Devices that one application publishes for in a session. */
  devicesPerSession: 20_000,
  /** Messages whose work is no telemetry batch (shadow, reply, broker copies), over all. */
  messagesUnderWay: 20_000,
  /** Deliveries that one subscriber has not acknowledged. */
  deliveriesWaiting: 1000,
  /** How long an answer of an access plugin holds for a topic. */
  providerDecisionMs: 10_000,
  idempotencyKeyLength: 255,
  idempotencyMicros: 24 * 3600 * 1_000_000,
  idempotentUnderWay: 10_000,
  sweepEveryMs: 600_000,
  sweepPage: 1000,
  /** Tries of an open whose device changes all the time meanwhile. */
  openTries: 3,
} as const
