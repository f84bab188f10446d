import type { Clock } from '@patchbay/core/clock'
import type { JobQueue } from '@patchbay/core/jobs/port'
import { type Board, BoardItem, everything } from './board-item.ts'
import type { Source } from './item.ts'
import { liveLimits } from './limits.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export interface JobSourceOptions {
  jobs: Pick<JobQueue, 'counts'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
  failed: (error: unknown) => void
}

/** How many jobs the queues hold; counted once a second while somebody follows. */
export function createJobSource({ jobs, clock, pulse, budget, failed }: JobSourceOptions): Source {
  const board: Board = new Map()
  let cancel: (() => void) | undefined
  let since = 0
  const shelf = createShelf<BoardItem>({
    clock,
    budget,
    make: (id) => new BoardItem('jobs', id, since, board),
    drop() {},
  })

  async function look(turnOf: () => number): Promise<void> {
    for (const { name, ...counts } of await jobs.counts()) {
      const text = JSON.stringify(counts)
      if (board.get(name)?.text !== text) board.set(name, { text, turn: turnOf() })
    }
  }

  function arm(): void {
    cancel = clock.after(liveLimits.jobsEveryMs, () => {
      cancel = undefined
      if (shelf.size === 0) return
      look(() => pulse.touch())
        .catch(failed)
        .finally(() => {
          if (!cancel) arm()
        })
    })
  }

  return {
    async acquire(asked) {
      const ids = asked.includes(everything) ? [everything] : asked
      if (!cancel) {
        board.clear()
        since = pulse.advance()
        arm()
        // The first look is told by snapshots; a queue that is away is told by the next one.
        await look(() => pulse.turn).catch(failed)
      }
      return shelf.take(ids)
    },
    release(items) {
      for (const { id } of items) shelf.put(id)
    },
    close() {
      cancel?.()
      shelf.close()
    },
  }
}
