import type { Clock } from '@patchbay/core/clock'
import type { SessionHub } from '@patchbay/core/sessions/hub'
import type { TappedMessage } from '@patchbay/core/sessions/message-tap'
import type { Item, Source } from './item.ts'
import { MessageItem } from './message-item.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export const everybody = '*'

export interface MessageSourceOptions {
  hub: Pick<SessionHub, 'tap'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
}

/** Messages as they come in. One item holds those of a whole subscription, so that the limit per second is the viewer's. */
export function createMessageSource({ hub, clock, pulse, budget }: MessageSourceOptions): Source {
  /** Who follows a device or API key. */
  const audience = new Map<string, Set<MessageItem>>()
  let untap: (() => void) | undefined
  const shelf = createShelf<MessageItem>({
    clock,
    budget,
    make(id) {
      const item = new MessageItem(id, pulse.advance(), clock)
      for (const each of id.split(separator)) {
        const items = audience.get(each)
        if (items) items.add(item)
        else audience.set(each, new Set([item]))
      }
      untap ??= hub.tap(hear)
      return item
    },
    drop(item) {
      for (const each of item.id.split(separator)) {
        const items = audience.get(each)
        items?.delete(item)
        if (items?.size === 0) audience.delete(each)
      }
      if (audience.size > 0) return
      untap?.()
      untap = undefined
    },
  })

  function hear(message: TappedMessage): ReturnType<Parameters<SessionHub['tap']>[0]> {
    const { from, device } = message
    const items = new Set<MessageItem>(audience.get(everybody))
    for (const item of audience.get(from) ?? []) items.add(item)
    if (device !== undefined && device !== from) for (const item of audience.get(device) ?? []) items.add(item)
    const told: NonNullable<ReturnType<MessageItem['offer']>>[] = []
    for (const item of items) {
      const tell = item.offer(message)
      if (tell) told.push(tell)
    }
    if (told.length === 0) return undefined
    return (refused) => {
      const turn = pulse.touch()
      for (const tell of told) tell(refused, turn)
    }
  }

  return {
    async acquire(asked): Promise<readonly Item[]> {
      const ids = asked.includes(everybody) ? [everybody] : [...new Set(asked)].toSorted()
      return shelf.take([ids.join(separator)])
    },
    release(items) {
      for (const { id } of items) shelf.put(id)
    },
    close: () => shelf.close(),
  }
}

/** Stands in no id. */
const separator = '\n'
