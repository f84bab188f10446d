import type { Delivery, Retained } from '@patchbay/contracts/session'
import type { Subscriber } from './subscriber.ts'

export interface RetainedReplayOptions {
  retained(query: { filter: string; after?: string; limit: number }): Promise<readonly Retained[]>
  /** Resolves when the subscriber has taken it. */
  deliver(subscriber: Subscriber, message: Delivery): Promise<void>
  onFault(error: unknown): void
}

/** Values that are read at once; the next ones are read when these are taken. */
const pageSize = 100

/** Gives a new subscriber what is retained under its filter, each value when the one before is taken. */
export function createRetainedReplay({ retained, deliver, onFault }: RetainedReplayOptions) {
  async function replay(subscriber: Subscriber, isOpen: () => boolean): Promise<void> {
    const { filter } = subscriber
    let after: string | undefined
    for (;;) {
      // A newer value that comes while the page goes out must not be followed by the older one.
      const newer = new Set<string>()
      subscriber.newer = newer
      const page = await retained({ filter, limit: pageSize, ...(after === undefined ? {} : { after }) })
      for (const { topic, bytes, qos } of page) {
        if (!isOpen()) return
        if (!newer.has(topic)) await deliver(subscriber, { topic, bytes, qos, retain: true })
      }
      after = page.at(-1)?.topic
      if (page.length < pageSize) return
    }
  }

  return (subscriber: Subscriber, isOpen: () => boolean): void => {
    void replay(subscriber, isOpen)
      .catch(onFault)
      .finally(() => (subscriber.newer = undefined))
  }
}
