import type { RegistryStore } from '../src/registry/port.ts'

export interface IdleRegistry extends Pick<RegistryStore, 'get' | 'put' | 'list' | 'delete'> {
  /** While set, calls reject with it. */
  readonly trouble: { error: Error | undefined }
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** A registry that says when nothing is under way in it, so that a test with its own clock can wait for a real store. */
export function createIdleRegistry(registry: RegistryStore): IdleRegistry {
  let pending = 0
  const trouble: { error: Error | undefined } = { error: undefined }
  async function counted<R>(call: () => Promise<R>): Promise<R> {
    pending++
    try {
      if (trouble.error) throw trouble.error
      return await call()
    } finally {
      pending--
    }
  }
  return {
    trouble,
    get: (...args) => counted(() => registry.get(...args)),
    put: (...args) => counted(() => registry.put(...args)),
    list: (...args) => counted(() => registry.list(...args)),
    delete: (...args) => counted(() => registry.delete(...args)),
    async idle() {
      for (let quiet = 0; quiet < 3;) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        quiet = pending === 0 ? quiet + 1 : 0
      }
    },
  }
}
