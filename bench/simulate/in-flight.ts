/** Messages whose outcome is not known yet. */
export interface InFlight {
  count(): number
  add(outcome: Promise<void>): void
  /** Resolves when the next of them has ended. */
  next(): Promise<void>
}

/** Counts what is on its way, without a list of it. Only one caller waits at a time. */
export function createInFlight(): InFlight {
  let open = 0
  let hear: (() => void) | undefined
  const ended = () => {
    open--
    hear?.()
  }
  return {
    count: () => open,
    add(outcome) {
      open++
      void outcome.then(ended)
    },
    async next() {
      const { promise, resolve } = Promise.withResolvers<void>()
      hear = resolve
      await promise
    },
  }
}
