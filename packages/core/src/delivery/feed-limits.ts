/** What feeds of sources may use. */
export const feedLimits = {
  /** Characters of a message that a dead letter keeps, as JSON. */
  letterChars: 65_536,
  /** Characters of a message’s id. */
  idChars: 180,
  /** Taking one dead letter again. */
  retakeMs: 30_000,
} as const
