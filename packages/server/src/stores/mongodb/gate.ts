import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { toUnavailable } from './failure.ts'

/** Lets calls in until it is closed; closing waits for those that are in. */
export class Gate {
  readonly #inside = new Set<Promise<unknown>>()
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  /** Runs a call; what MongoDB cannot do now rejects as StoreUnavailable. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('the store is closed')
    const run = work()
    this.#inside.add(run)
    try {
      return await run
    } catch (error) {
      throw toUnavailable(error)
    } finally {
      this.#inside.delete(run)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    while (this.#inside.size > 0) await Promise.allSettled(this.#inside)
  }
}
