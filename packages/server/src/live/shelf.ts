import type { Clock } from '@patchbay/core/clock'
import { LiveError } from './errors.ts'
import { liveLimits } from './limits.ts'

/** Items by id with the number of their followers. Without any they stay a while, so that a viewer can come back to them. */
export interface Shelf<T> {
  readonly size: number
  get(id: string): T | undefined
  all(): Iterable<T>
  /** All or none: rejects with LIVE_FULL when there would be too many. */
  take(ids: readonly string[]): T[]
  put(id: string): void
  close(): void
}

/** How many are followed over all shelves. */
export interface ShelfBudget {
  followed: number
}

interface Place<T> {
  item: T
  followers: number
  idleMs: number
}

export function createShelf<T>(options: {
  clock: Clock
  budget: ShelfBudget
  make: (id: string) => T
  drop: (item: T) => void
}): Shelf<T> {
  const { clock, budget, make, drop } = options
  const places = new Map<string, Place<T>>()
  /** In the order in which they were left. */
  const idle = new Map<string, Place<T>>()
  let cancel: (() => void) | undefined

  const forget = (id: string, place: Place<T>): void => {
    idle.delete(id)
    places.delete(id)
    drop(place.item)
  }
  const sweep = (): void => {
    cancel = undefined
    const now = clock.monotonicMs()
    for (const [id, place] of idle) {
      if (idle.size <= liveLimits.itemsLingering && now - place.idleMs < liveLimits.lingerMs) break
      forget(id, place)
    }
    arm()
  }
  const arm = (): void => {
    if (!cancel && idle.size > 0) cancel = clock.after(liveLimits.lingerMs / 4, sweep)
  }

  return {
    get size() {
      return places.size
    },
    get: (id) => places.get(id)?.item,
    *all() {
      for (const { item } of places.values()) yield item
    },
    take(ids) {
      if (budget.followed + ids.length > liveLimits.itemsFollowed) {
        throw new LiveError(
          'LIVE_FULL',
          `More than ${liveLimits.itemsFollowed} things are followed. Ask for fewer ids.`,
        )
      }
      budget.followed += ids.length
      return ids.map((id) => {
        let place = places.get(id)
        if (!place) places.set(id, (place = { item: make(id), followers: 0, idleMs: 0 }))
        place.followers++
        idle.delete(id)
        return place.item
      })
    },
    put(id) {
      const place = places.get(id)
      if (!place) return
      budget.followed--
      if (--place.followers > 0) return
      place.idleMs = clock.monotonicMs()
      idle.set(id, place)
      if (idle.size > liveLimits.itemsLingering) sweep()
      else arm()
    },
    close() {
      cancel?.()
      for (const { item } of places.values()) drop(item)
      places.clear()
      idle.clear()
    },
  }
}
