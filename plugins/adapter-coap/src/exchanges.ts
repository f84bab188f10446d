import { limits } from './limits.ts'

/** One message id of one endpoint, and what was answered to it. */
export interface Exchange {
  sinceMs: number
  /**
   * What a duplicate gets again; undefined while nothing was sent. An answer that is nothing but a code is kept as that: tens of thousands
   * are held, and the duplicate brings the rest.
   */
  reply: Buffer | string | undefined
}

/**
 * "The recipient SHOULD acknowledge each duplicate copy of a Confirmable message (…) but SHOULD process any request or response in the
 * message only once." (RFC 7252, section 4.5)
 */
export function createExchanges(now: () => number, most: number = limits.exchanges) {
  // In order of time, since an entry is never moved: the first is always the oldest.
  const entries = new Map<string, Exchange>()

  const dropOver = (nowMs: number) => {
    for (const [key, entry] of entries) {
      if (entries.size < most && nowMs - entry.sinceMs < limits.exchangeLifetimeMs) return
      entries.delete(key)
    }
  }

  return {
    /** The exchange that a duplicate belongs to; undefined = it is new, and known from now on. */
    meet(endpoint: string, messageId: number): { exchange: Exchange; isNew: boolean } {
      const key = `${endpoint} ${messageId}`
      const nowMs = now()
      const seen = entries.get(key)
      if (seen && nowMs - seen.sinceMs < limits.exchangeLifetimeMs) return { exchange: seen, isNew: false }
      entries.delete(key)
      dropOver(nowMs)
      const exchange: Exchange = { sinceMs: nowMs, reply: undefined }
      entries.set(key, exchange)
      return { exchange, isNew: true }
    },
    sweep: () => dropOver(now()),
    clear: () => entries.clear(),
    get size() {
      return entries.size
    },
  }
}
