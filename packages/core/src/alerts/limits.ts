const second = 1_000_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

export const alertLimits = {
  /** Timeline entries of one alert: the first ones (how it began) and the newest. */
  timelineEntries: 300,
  timelineFirst: 20,
  /** Entries that lists show. */
  timelineListed: 20,
  /** Of what the condition saw, as JSON; longer ones are told by their length. */
  valueBytes: 4096,
  /** Of a value in the list of a storm. */
  groupValueBytes: 256,
  causeLength: 1000,
  replyLength: 500,
  /** Ids of signals remembered for a rule and device, so that a repeated one changes nothing. */
  signalsKept: 100,
  /** Notifications of one alert that are not delivered yet, or failed and can be tried again. */
  outboxEntries: 50,
  channels: 20,
  /** Alerts that one call of `apply` writes at the same time: the store’s line is not for it alone. */
  pairsAtOnce: 500,
  /** Writes of one alert that wait for each other. */
  waitingWrites: 1000,
  /** Tries to write a document that somebody else keeps changing. */
  writeTries: 10,
  /** So many raises of a rule and device within the window are flapping; it ends after a calm time. */
  flapRaises: 5,
  flapWindowMicros: 10 * minute,
  flapCalmMicros: 5 * minute,
  /** A delivery is tried for so long. */
  deliverForMicros: 24 * hour,
  /** Resolved alerts are kept so long. */
  historyMicros: 365 * day,
  silenceMicros: 365 * day,
  /** Timers are looked at so often, and so many at once. */
  timerEveryMs: 1000,
  timerPage: 200,
  tidyEveryMs: 3_600_000,
  tidyPage: 500,
  maintenanceWindows: 1000,
  /** Active alerts of one deleted device: as many as there can be rules. */
  endedAtOnce: 10_000,
} as const

export const gatherLimits = {
  /** Alerts of a rule are told together once none has come for this long… */
  quietMs: 1000,
  /** …or at the latest so long after the first. */
  mostMs: 10_000,
  /** So many together are a storm: what comes until `windowMs` after its first is told together at the end of that time. */
  stormAlerts: 10,
  windowMs: 60_000,
  /** A group that is this large is told at once. */
  members: 10_000,
  /** Alerts that the list of a storm names; the rest is in its count. */
  listed: 1000,
  /** Groups at the same time; beyond, alerts are told one by one. */
  groups: 10_000,
} as const

export const dispatchLimits = {
  queue: 'alerts',
  /** Jobs that are run at the same time; most of them wait for their channel. */
  concurrency: 512,
  /** Deliveries over one channel at the same time, and those that have a place in line for it. */
  perChannel: 16,
  waitingPerChannel: 48,
  /** Deliveries of one channel that are due in the queue; the others wait until one of these was run. */
  duePerChannel: 64,
  leaseMs: 5_000,
  /** What is undelivered is given to the queue again so often: it may have lost it. */
  sweepEveryMs: 5_000,
  /** A sweep that takes long is followed by a rest so many times as long, up to this. */
  sweepRest: 4,
  sweepMostMs: 20_000,
  /** What was given to the queue so short ago is not given again. */
  refeedAfterMs: 5_000,
  sweepPage: 500,
  /** Documents that one sweep looks at. */
  sweepDocuments: 20_000,
  /** Deliveries that stand in line for the queue, and those that were given to it; the rest is found by the sweeps. */
  known: 100_000,
  /** A delivery that is so late was put off by a clock that was set back: its job is taken out and given again. */
  overdueMs: 600_000,
  /** Jobs given to the queue in one call. */
  feedAtOnce: 500,
  /** The answer of a remote is written down so often before the try counts as not made. */
  settleTries: 5,
  settleRetryMs: 500,
  /** Sent away by a busy channel: at least so long, and longer for each that was sent away before. */
  busyMs: 1000,
  busyEachMs: 10,
  busyMostMs: 300_000,
} as const
