import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'

const refuse = (): never => {
  throw new StoreUnavailable('another node may have gone on with the work of this one')
}

/** A registry in which only a node that is sure of the work writes what the work remembers. */
export function createFencedRegistry(
  registry: RegistryStore,
  isSure: () => boolean,
  remembered: (collection: Collection, id: string) => boolean,
): RegistryStore {
  return {
    get: (...args) => registry.get(...args),
    list: (...args) => registry.list(...args),
    count: (...args) => registry.count(...args),
    trim: (...args) => registry.trim(...args),
    deleteWhere: (...args) => registry.deleteWhere(...args),
    size: () => registry.size(),
    close: () => registry.close(),
    async put(collection, id, body, expected) {
      if (remembered(collection, id) && !isSure()) refuse()
      return registry.put(collection, id, body, expected)
    },
    async delete(collection, id, expected) {
      if (remembered(collection, id) && !isSure()) refuse()
      return registry.delete(collection, id, expected)
    },
    async append(collection, documents) {
      if (documents.some(({ id }) => remembered(collection, id)) && !isSure()) refuse()
      return registry.append(collection, documents)
    },
  }
}
