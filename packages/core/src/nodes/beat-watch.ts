import type { Clock } from '../clock.ts'
import { nodeLimits } from './limits.ts'
import type { StoredNode } from './node-record.ts'

interface Watched {
  beat: number
  session: string
  stillMs: number
}

/** Says whose beat stood still for long enough, by looks that followed each other closely. */
export interface BeatWatch {
  standStill(nodes: readonly StoredNode[]): StoredNode[]
}

export function createBeatWatch(clock: Pick<Clock, 'monotonicMs'>): BeatWatch {
  const watched = new Map<string, Watched>()
  let lastMs: number | undefined
  return {
    standStill(nodes) {
      const nowMs = clock.monotonicMs()
      const passedMs = lastMs === undefined ? Number.POSITIVE_INFINITY : nowMs - lastMs
      lastMs = nowMs
      const unbroken = passedMs <= nodeLimits.gapMs
      const ids = new Set(nodes.map(({ id }) => id))
      for (const id of watched.keys()) if (!ids.has(id)) watched.delete(id)
      return nodes.filter(({ id, beat, record: { session } }) => {
        const before = watched.get(id)
        const same = unbroken && before?.beat === beat && before.session === session
        const stillMs = same ? before.stillMs + passedMs : 0
        watched.set(id, { beat, session, stillMs })
        return stillMs >= nodeLimits.awayMs
      })
    },
  }
}
