import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { WorkerLink } from './worker-link.ts'
import type { CallMap } from './worker-reply.ts'

/** A worker that is started by the first call: a platform that nobody reads from does not pay for its thread (some 12 MB). */
export class OnDemandLink<C extends CallMap<C>> {
  readonly #start: () => WorkerLink<C>
  readonly #onFatal: (error: Error) => void
  #link: WorkerLink<C> | undefined
  #closed = false

  constructor(start: () => WorkerLink<C>, onFatal: (error: Error) => void) {
    this.#start = start
    this.#onFatal = onFatal
  }

  get started(): boolean {
    return this.#link !== undefined
  }

  async call<K extends keyof C>(
    op: K,
    ask: C[K]['ask'],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<C[K]['answer']> {
    return this.#begun().call(op, ask, options)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#link?.close()
  }

  async terminate(): Promise<void> {
    this.#closed = true
    await this.#link?.terminate()
  }

  #begun(): WorkerLink<C> {
    if (this.#link) return this.#link
    if (this.#closed) throw new StoreUnavailable('the store is closed')
    const link = this.#start()
    this.#link = link
    // Calls wait in the worker's own queue until its file is open; that it cannot be opened ends the store.
    link.opened<undefined>().catch((error: unknown) => {
      if (!this.#closed) this.#onFatal(error instanceof Error ? error : new Error(String(error)))
    })
    return link
  }
}
