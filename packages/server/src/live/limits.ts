/** Limits of the live socket; docs/live.md names those that a viewer meets. */
export const liveLimits = {
  /** Open sockets over all viewers, those that are still proving who they are among them. */
  sockets: 1000,
  subscriptionsPerSocket: 20,
  /** Requests that wait for an earlier one of the same socket. */
  requestsWaiting: 20,
  /** Requests refused for their form before the socket is closed. */
  badRequests: 10,
  frameInBytes: 64 * 1024,
  /** Things that are followed over all sockets. */
  itemsFollowed: 20_000,
  /** Things nobody follows any more that are kept for a viewer who comes back, and how long. */
  itemsLingering: 5000,
  lingerMs: 60_000,
  /** One frame for each viewer and turn. */
  frameEveryMs: 100,
  /** A snapshot is cut into frames of about this size; each waits until the one before is written. */
  snapshotFrameBytes: 256 * 1024,
  /** A viewer who is so far behind that one frame would be larger must begin again. */
  frameOutBytes: 8 * 1024 * 1024,
  /** Answers and pongs that a viewer asks for and does not read. */
  waitingOutBytes: 1024 * 1024,
  /** Devices read at the same time for one subscription. */
  readsAtOnce: 16,
  /** Longer texts and JSON values are told by their length. */
  valueLength: 4096,
  pingEveryMs: 30_000,
  /** Rights are looked at again so often. */
  recheckEveryMs: 10_000,
  pluginsEveryMs: 1000,
  jobsEveryMs: 1000,
  /** Alerts known at the same time: the active ones at first, then the newest changes. */
  alertsKept: 1000,
  messagesKept: 500,
  messagesPerSecond: 200,
  payloadBytes: 1024,
  /** What viewers get to hear the goodbye when the platform stops. */
  closeMs: 1000,
} as const
