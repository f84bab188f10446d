import { toState } from './frame.ts'
import type { Item } from './item.ts'
import { liveLimits } from './limits.ts'

export interface SnapshotPart {
  state: string
  last: boolean
}

/** All of the items as the text of some frames. Each is made when it is asked for, so that a slow reader makes nobody hold the rest. */
export function* toSnapshot(items: readonly Item[], told: () => number): Generator<SnapshotPart> {
  let part: Item[] = []
  let texts = new Map<Item, string>()
  let size = 0
  for (const [i, item] of items.entries()) {
    const text = item.whole(told())
    part.push(item)
    texts.set(item, text)
    size += text.length
    const last = i === items.length - 1
    if (!last && size < liveLimits.snapshotFrameBytes) continue
    const held = texts
    yield { state: toState(part, (each) => held.get(each) ?? ''), last }
    part = []
    texts = new Map()
    size = 0
  }
}
