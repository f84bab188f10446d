/** What deliveries to sinks may use. */
export const deliveryLimits = {
  /** Records of a batch and how long one that is not full waits, where the instance says nothing. */
  batch: 1000,
  waitMs: 1000,
  /** A batch goes when it has about so many bytes, however few records it holds. */
  batchBytes: 8 * 1024 * 1024,
  /** Points of one read of the committed log. */
  pagePoints: 5000,
  /** How often it is looked whether something came: two numbers are compared. */
  tickMs: 100,
  /** One try of a batch. */
  writeMs: 30_000,
  /** Between tries that did not succeed; the last one repeats. */
  backOffMs: [500, 1000, 2000, 5000, 10_000, 30_000],
  /** A target's wish to wait is believed up to here. */
  afterMs: 600_000,
  /** Cursor and counts are stored at most so often: what a crash makes us send again. */
  keepMs: 500,
  /** Retention is told where the sink stands this often. */
  holdMs: 30_000,
  /** Dead letters of one instance; a sink whose letters are full waits until some are gone. */
  letters: 10_000,
  /** A full box of dead letters is looked at again after this. */
  fullMs: 1000,
  /** Dead letters that one call sends again or drops. */
  lettersAtOnce: 1000,
  /** Characters of a remote's words that are kept. */
  replyChars: 2000,
  /** Causes that one list answers. */
  causes: 200,
  /** Times that are remembered to say for how long data waits. */
  samples: 1024,
  /** After a fault of our own. */
  faultMs: 1000,
  /** A turn of the loop is given back after so many records were selected. */
  recordsPerTurn: 2000,
  /** A bridge's queue on the disk, where its plugin says nothing; what does not fit is not acknowledged. */
  queueBytes: 1024 * 1024 * 1024,
  /** One file of such a queue. */
  segmentBytes: 8 * 1024 * 1024,
  /** Messages of one batch of a bridge, where the instance says nothing. */
  messageBatch: 500,
} as const
