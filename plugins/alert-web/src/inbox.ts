import type { KeyValue, Notification } from '@patchbay/sdk'
import { toDetails, toHeadline } from '@patchbay/sdk/alert-channel'

/** What the inbox keeps of a notification: what a person reads, bounded. */
export interface Entry {
  number: number
  id: string
  kind: Notification['kind']
  at: string
  alert: string
  severity: Notification['alert']['severity']
  rule: string
  device: string
  headline: string
  details: string
}

/** More than `keep` can be, so that a changed `keep` finds its entries where they are. */
export const slots = 1000
const maxHeadlineChars = 500
const maxDetailsChars = 8_000

export interface Inbox {
  /** Durable when resolved. The same notification again changes nothing. */
  add(notification: Notification): Promise<Entry>
  /** The newest first. */
  list(after: number, limit: number): Promise<Entry[]>
}

const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && 'number' in value && typeof value.number === 'number' && 'id' in value

/** A ring in the instance's store: entry n lies in slot n modulo `slots`. It is read when it is first used. */
export function createInbox(store: KeyValue, keep: number): Inbox {
  const entries = new Map<number, Entry>()
  const ids = new Set<string>()
  let last = 0
  let loading: Promise<void> | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const remember = (entry: Entry): void => {
    const gone = entries.get(entry.number - keep)
    if (gone) {
      entries.delete(gone.number)
      ids.delete(gone.id)
    }
    entries.set(entry.number, entry)
    ids.add(entry.id)
    last = Math.max(last, entry.number)
  }
  const load = async (): Promise<void> => {
    const head = await store.get('head')
    last = typeof head === 'number' ? head : 0
    const numbers = Array.from({ length: Math.min(keep, last) }, (_, index) => last - Math.min(keep, last) + 1 + index)
    const found = await Promise.all(numbers.map((number) => store.get(`slot-${number % slots}`)))
    for (const entry of found.filter(isEntry)) if (numbers.includes(entry.number)) remember(entry)
  }
  const ready = async (): Promise<void> => {
    loading ??= load()
    try {
      await loading
    } catch (error) {
      // The store was away: the next one reads again.
      loading = undefined
      throw error
    }
  }

  const put = async (notification: Notification): Promise<Entry> => {
    await ready()
    const same = ids.has(notification.id) && [...entries.values()].find(({ id }) => id === notification.id)
    if (same) return same
    const { id, kind, at, alert, rule, device } = notification
    const entry: Entry = {
      number: last + 1,
      id,
      kind,
      at,
      alert: alert.id,
      severity: alert.severity,
      rule: rule.name,
      device: device.id,
      headline: toHeadline(notification).slice(0, maxHeadlineChars),
      details: toDetails(notification).slice(0, maxDetailsChars),
    }
    // The entry first: a head without its entry would be a hole.
    await store.set(`slot-${entry.number % slots}`, entry)
    await store.set('head', entry.number)
    remember(entry)
    return entry
  }

  return {
    add(notification) {
      const added = turn.then(() => put(notification))
      turn = added.catch(() => undefined)
      return added
    },
    async list(after, limit) {
      await ready()
      return [...entries.values()]
        .filter(({ number }) => number > after)
        .sort((a, b) => b.number - a.number)
        .slice(0, limit)
    },
  }
}
