export const shadowLimits = {
  /** Of `desired` and of `reported`, each as JSON. */
  documentBytes: 64 * 1024,
  depth: 32,
  /** Tries of one change when others write the same shadow meanwhile. */
  tries: 8,
  /** Changes of one device that may wait for each other. */
  waitingPerDevice: 100,
} as const
