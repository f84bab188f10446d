import { refuse } from '../errors.ts'

/** Each may hold as many points in memory as one statement may look at. */
const maxAtOnce = 4
const maxWaiting = 64

/** Queries take turns, so that what they hold together is bounded. */
export interface Turns {
  /** Resolves when it is this query's turn; its answer ends it. Rejects with Refused when too many wait. */
  enter(): Promise<() => void>
}

export function createTurns(): Turns {
  let running = 0
  const waiting: (() => void)[] = []
  const leave = (): void => {
    const next = waiting.shift()
    // The place goes over to the next one.
    if (next) next()
    else running--
  }
  return {
    async enter() {
      if (running < maxAtOnce) running++
      else {
        if (waiting.length >= maxWaiting) throw refuse('INFLUX_BUSY')
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
      let isOver = false
      return () => {
        if (!isOver) leave()
        isOver = true
      }
    },
  }
}
