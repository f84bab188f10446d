/** Runs work as it comes, so many at the same time; the rest waits for its turn. */
export interface Turns {
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = []
  let busy = 0
  return {
    async run(work) {
      if (busy >= atOnce) await new Promise<void>((resolve) => void waiting.push(resolve))
      else busy += 1
      try {
        return await work()
      } finally {
        // Handed on, not given back: nobody can slip in between.
        const next = waiting.shift()
        if (next) next()
        else busy -= 1
      }
    },
  }
}
