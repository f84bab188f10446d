import { ruleLimits } from './limits.ts'
import type { CommittedGroup, CommitTap } from './port.ts'

/** Fresh groups wait here for the rules, so that these need not read them back from the disk. Too many are dropped: the log has them. */
export interface CommittedQueue extends CommitTap {
  open: boolean
  /** The group that begins after `position`. Older ones are dropped; undefined: it is not here, read the log. */
  after(position: number): CommittedGroup | undefined
  /** The highest number heard of. */
  readonly heard: number
  onWake: () => void
}

export function createCommittedQueue(): CommittedQueue {
  let groups: CommittedGroup[] = []
  let head = 0
  let points = 0
  let heard = 0
  const queue: CommittedQueue = {
    open: false,
    onWake: () => {},
    committed(group) {
      heard = group.last
      if (points + group.batch.length > ruleLimits.waitingPoints) {
        groups = []
        head = 0
        points = 0
      }
      groups.push(group)
      points += group.batch.length
      queue.onWake()
    },
    after(position) {
      for (let group = groups[head]; group; group = groups[head]) {
        if (group.last > position) return group.first <= position + 1 ? group : undefined
        points -= group.batch.length
        if (++head > 64) {
          groups = groups.slice(head)
          head = 0
        }
      }
      groups = []
      head = 0
      points = 0
      return undefined
    },
    get heard() {
      return heard
    },
  }
  return queue
}
