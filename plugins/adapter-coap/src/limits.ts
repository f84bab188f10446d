/** What the adapter holds at most. Names carry their units; RFC 7252 section 4.8 gives the times. */
export const limits = {
  /** How long a message id may come again: EXCHANGE_LIFETIME. */
  exchangeLifetimeMs: 247_000,
  /** Message ids that are remembered with their answers. Beyond it the oldest go, long after their sender gave up as a rule. */
  exchanges: 50_000,
  /** Requests that are not answered yet, of all endpoints and of one. */
  requestsUnderWay: 10_000,
  requestsUnderWayPerEndpoint: 128,
  /** An answer that takes longer is announced by an empty acknowledgement and sent by itself; below ACK_TIMEOUT, which is 2 s. */
  separateAfterMs: 1_000,
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  /** Confirmable messages that wait for one endpoint, the one under way included (NSTART is 1), and for all. */
  outboxPerEndpoint: 256,
  outbox: 20_000,
  optionsPerMessage: 64,
  /** What one answer carries before it is cut into blocks: the largest block there is. */
  blockBytes: 1_024,
  /** Uploads that are not whole yet: of all, of one address, and their bytes together. */
  uploads: 2_000,
  uploadsPerAddress: 64,
  uploadBytes: 16_777_216,
  /** An upload ends when no block comes for this long, and in any case after the second. */
  uploadIdleMs: 60_000,
  uploadMs: 247_000,
  /** Bodies kept while a client fetches their blocks. */
  downloads: 1_000,
  downloadBytes: 16_777_216,
  downloadMs: 60_000,
  /** Endpoints that observe, of all, of one address and of one device; the oldest of a device makes room. */
  observers: 10_000,
  observersPerAddress: 2_000,
  observersPerDevice: 4,
  /** Sessions of single requests, kept for the next request of the same client. */
  requestSessions: 10_000,
  requestSessionMs: 60_000,
  /** Addresses whose datagrams are counted. */
  countedAddresses: 10_000,
  /** Endpoints that have shown by Echo where they are, and for how long that counts. */
  verifiedEndpoints: 10_000,
  verifiedMs: 600_000,
  echoMs: 60_000,
  /** An answer to an endpoint that has not shown where it is: this many times its request, as RFC 9175 section 2.4 advises. */
  amplification: 3,
  tokenBytes: 8,
} as const
