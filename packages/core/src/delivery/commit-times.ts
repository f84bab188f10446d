import type { CommitCursor } from '../telemetry/port.ts'
import { isBeyond } from './distance.ts'
import { deliveryLimits } from './limits.ts'

interface Sample {
  end: CommitCursor
  at: number
}

/** Remembers when a log had come how far, so that it can be said since when something waits. */
export interface CommitTimes {
  /** The log ends here now. */
  note(end: CommitCursor, at: number): void
  /** When the first of what lies behind the cursor came, µs; undefined: nothing does. */
  since(cursor: CommitCursor): number | undefined
}

export function createCommitTimes(): CommitTimes {
  let samples: Sample[] = []
  return {
    note(end, at) {
      const last = samples.at(-1)
      if (last && !isBeyond(end, last.end)) return
      // Old times become coarser: every second one goes, and a day fits as well as an hour.
      if (samples.length >= deliveryLimits.samples) samples = samples.filter((_, index) => index % 2 === 0)
      samples.push({ end: { ...end }, at })
    },
    since(cursor) {
      let low = 0
      let high = samples.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (isBeyond(samples[middle]?.end ?? {}, cursor)) high = middle
        else low = middle + 1
      }
      return samples[low]?.at
    },
  }
}
