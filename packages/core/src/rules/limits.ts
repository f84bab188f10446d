/** What rules may ask for and use. */
export const ruleLimits = {
  rules: 1000,
  /** Nodes of one expression (contract, section 6). */
  nodes: 500,
  /** Texts and JSON longer than this are not there for rules. */
  valueChars: 65_536,
  durationMicros: 366 * 86_400 * 1_000_000,
  /** Reading and planning an expression at save. */
  compileMs: 100,
  /** One evaluation of an expression: the rule is stopped beyond it. */
  evaluationMs: 30,
  /** Work (nodes and sizes multiplied) that an expression may do without a watchdog. */
  freeWork: 1_000_000,
  /** Samples kept on each side of a rate of change. */
  changeSamples: 256,
  /** Repetitions of one open alert are told no closer than this. */
  repeatGapMicros: 10_000_000,
  /** So many raises of one rule on one device ... */
  loopRaises: 8,
  /** ... within this are a loop, ... */
  loopWindowMicros: 10_000_000,
  /** ... and then nothing is told of the pair for this long. */
  loopPauseMicros: 600_000_000,
  /** A turn of the loop is given up after this. */
  turnMs: 5,
  /** Points that may wait in memory; beyond that they are read from the committed log. */
  waitingPoints: 100_000,
  /** Points of one read of the committed log. */
  pagePoints: 5000,
  /** All that changed is stored this often, ... */
  checkpointMs: 30_000,
  /** ... and that the rules still run this often. */
  beatMs: 10_000,
  /** Documents of one write. */
  documentsPerWrite: 500,
  /** Signals given to the alerts at once. */
  signalsPerWrite: 500,
  retryMs: 1000,
  tickMs: 250,
  /** The system's clock was set when it moves this much against the monotonic one. */
  clockStepMicros: 2_000_000,
  /** A save waits this long for the devices' present values. */
  seedWaitMs: 2000,
  seedsAtOnce: 8,
  /** Points that one preview looks at, and how long it may take. */
  previewPoints: 20_000_000,
  previewMs: 25_000,
  previewsAtOnce: 2,
  previewPagePoints: 10_000,
  /** Alerts that a preview lists, and steps of each. */
  previewAlerts: 1000,
  previewSteps: 100,
} as const
