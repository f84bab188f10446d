import { AsyncLocalStorage } from 'node:async_hooks'

/** Whose code is running: found again when a promise of it rejects and nobody listens. */
export interface Owner {
  readonly plugin: string
  readonly name: string
  crashed(error: unknown): void
}

const storage = new AsyncLocalStorage<Owner>()

/** Runs code of a plugin; all that it starts carries its owner. */
export const runOwned = <T>(owner: Owner, work: () => T): T => storage.run(owner, work)

/** Runs the host's own code from inside a plugin's, so that a fault of the host is not laid at the plugin's door. */
export const runUnowned = <T>(work: () => T): T => storage.exit(work)

export const currentOwner = (): Owner | undefined => storage.getStore()
