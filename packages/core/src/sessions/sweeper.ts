import type { Clock } from '../clock.ts'
import { sessionLimits } from './limits.ts'

/** Deletes what has expired, now and then, a page at a time. */
export interface Sweeper {
  start(): void
  close(): void
}

export interface SweeperOptions {
  clock: Clock
  /** Each deletes at most `limit` documents and answers how many went. */
  works: readonly ((limit: number) => Promise<number>)[]
  onFault: (error: unknown) => void
}

export function createSweeper({ clock, works, onFault }: SweeperOptions): Sweeper {
  let cancel = () => {}
  let closed = false

  async function sweep(): Promise<void> {
    for (const work of works) {
      try {
        let went: number = sessionLimits.sweepPage
        while (went === sessionLimits.sweepPage) went = await work(sessionLimits.sweepPage)
      } catch (error) {
        // The next round tries again.
        onFault(error)
      }
    }
    arm()
  }

  function arm(): void {
    if (!closed) cancel = clock.after(sessionLimits.sweepEveryMs, () => void sweep())
  }

  return {
    start: arm,
    close() {
      closed = true
      cancel()
    },
  }
}
