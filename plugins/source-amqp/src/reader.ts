import type { Config } from './config.ts'
import type { Inbox } from './inbox.ts'

/** What a reader of either protocol works with. */
export interface ReaderOptions {
  config: Config
  inbox: Inbox
  /** The broker cannot be read, and why; undefined: it can. */
  trouble: (why: string | undefined) => void
  lag: (lag: { records: number; seconds: number }) => void
}

/** Reads until it is closed. */
export interface Reader {
  /** Asks the broker how much waits, and says it; where there is no way to ask, nothing. */
  tellLag(): Promise<void>
  /** What is held has been settled. */
  close(): Promise<void>
}

/** How often it is asked what waits. */
export const lagEveryMs = 2000
/** A client whose broker is away may not hold up a stop. */
export const closeMs = 2000

/** Waits for something that may not come. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ms)
  work.then(
    () => resolve(true),
    () => resolve(false),
  )
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
