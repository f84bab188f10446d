/** Times by which nodes see each other. A killed node's leases are taken by others at most `awayMs + 2 × lookMs` after its last beat. */
export const nodeLimits = {
  /** How often a node says that it is there. */
  beatMs: 2_000,
  /** How often it looks at the others and at what it would like to hold. */
  lookMs: 1_000,
  /**
   * Whoever watched a node's beat stand still for so long declares it gone. It is the watcher's own monotonic time, counted only while its
   * looks succeed: clocks of two machines are never compared, and a store that was away makes nobody look dead.
   */
  awayMs: 8_000,
  /**
   * A node relies on itself for so long after it sent a beat that was taken, by its own monotonic time. What is missing to `awayMs` is the
   * margin for a timer that fires late and for clocks that do not run equally fast.
   */
  relyMs: 6_000,
  /** Looks further apart than this do not add up to a watch. */
  gapMs: 3_000,
  /** How often a node asks itself whether it may still rely on what it holds. */
  guardMs: 500,
  /** A node that was away for so long is no longer shown. */
  forgetMs: 24 * 3_600_000,
  /** Nodes that are looked at; more do not join. */
  nodes: 16,
  /** Leases that are looked at together. */
  leases: 2_000,
} as const
