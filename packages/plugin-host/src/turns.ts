import type { Clock } from './clock.ts'

/** Runs work as it comes, so many at the same time; the rest waits for its turn. */
export interface Turns {
  run<T>(work: () => Promise<T>): Promise<T>
}

/** Work that takes longer than `holdMs` goes on, but lets the next one begin: what hangs must not keep the others waiting. */
export function createTurns(atOnce: number, holdMs: number, clock: Pick<Clock, 'after'>): Turns {
  const waiting: (() => void)[] = []
  let busy = 0
  return {
    async run(work) {
      if (busy >= atOnce) await new Promise<void>((resolve) => void waiting.push(resolve))
      else busy += 1
      let held = true
      const handOn = (): void => {
        if (!held) return
        held = false
        // Handed on, not given back: nobody can slip in between.
        const next = waiting.shift()
        if (next) next()
        else busy -= 1
      }
      const cancel = clock.after(holdMs, handOn)
      try {
        return await work()
      } finally {
        cancel()
        handOn()
      }
    },
  }
}
