import { type StoredAlert, toAlert } from '@patchbay/core/alerts/alert-document'
import type { Alerts } from '@patchbay/core/alerts/alerts'
import type { Clock } from '@patchbay/core/clock'
import { type Board, BoardItem, everything } from './board-item.ts'
import { LiveError } from './errors.ts'
import type { Source } from './item.ts'
import { liveLimits } from './limits.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export interface AlertSourceOptions {
  alerts: Pick<Alerts, 'store' | 'onChange'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
}

const idPattern = /^[0-9A-Za-z]{1,64}$/

/** Alerts as viewers see them: without their timelines, which REST has. `*` are the active ones, and what changes from now on. */
export function createAlertSource({ alerts, clock, pulse, budget }: AlertSourceOptions): Source {
  const board: Board = new Map()
  let since = 0
  const shelf = createShelf<BoardItem>({
    clock,
    budget,
    make: (id) => new BoardItem('alerts', id, since, board),
    drop({ id }) {
      // Nobody follows any more: what is not looked at need not be kept.
      if (shelf.size === 0) board.clear()
      else if (!shelf.get(everything)) board.delete(id)
    },
  })

  function put({ id, version, document }: StoredAlert, turn: number): void {
    const { timeline: _timeline, timelineLeftOut: _leftOut, ...shown } = toAlert({ id, version, document }, 0)
    // The newest last: the oldest go first when there are too many.
    board.delete(id)
    board.set(id, { text: JSON.stringify(shown), turn })
    for (const oldest of board.keys()) {
      if (board.size <= liveLimits.alertsKept) break
      if (!shelf.get(oldest)) board.delete(oldest)
      else break
    }
  }

  alerts.onChange((alert) => {
    if (shelf.get(alert.id) || shelf.get(everything)) put(alert, pulse.touch())
  })

  /** What was written while it was read is newer. */
  function seed(alert: StoredAlert): void {
    if (!board.has(alert.id)) put(alert, pulse.turn)
  }

  async function seedActive(): Promise<void> {
    for (const state of ['acknowledged', 'open']) {
      const sort = { by: 'id', descending: true }
      const { items } = await alerts.store.list({ where: { state }, sort, limit: liveLimits.alertsKept / 2 })
      for (const alert of items.toReversed()) seed(alert)
    }
  }

  return {
    async acquire(asked) {
      const ids = asked.includes(everything) ? [everything] : asked
      const wrong = ids.find((id) => id !== everything && !idPattern.test(id))
      if (wrong !== undefined) throw new LiveError('LIVE_IDS_INVALID', `${JSON.stringify(wrong)} is no alert's id.`)
      const fresh = ids.filter((id) => !shelf.get(id))
      if (fresh.length > 0) since = pulse.advance()
      const items = shelf.take(ids)
      try {
        for (const id of fresh) {
          const alert = id === everything ? await seedActive() : await alerts.store.read(id)
          if (alert) seed(alert)
        }
      } catch (error) {
        for (const id of ids) shelf.put(id)
        throw error
      }
      return items
    },
    release(items) {
      for (const { id } of items) shelf.put(id)
    },
    close: () => shelf.close(),
  }
}
