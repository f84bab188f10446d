import type { InstanceStore, StoredInstance } from '@patchbay/plugin-host/instance-store'
import type { KeyValue } from '@patchbay/sdk'

/** An instance's store in memory. Values pass through JSON, as they do on disk. */
export interface FakeStore extends KeyValue {
  readonly values: ReadonlyMap<string, string>
}

export function createFakeStore(): FakeStore {
  const values = new Map<string, string>()
  return {
    values,
    async get(key) {
      const text = values.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    async set(key, value) {
      values.set(key, JSON.stringify(value))
    },
    async delete(key) {
      values.delete(key)
    },
  }
}

/** Instances in memory, as the host stores them. */
export function createFakeInstances(
  initial: readonly StoredInstance[] = [],
): InstanceStore & { readonly all: ReadonlyMap<string, StoredInstance> } {
  const all = new Map(initial.map((instance) => [`${instance.plugin}/${instance.name}`, structuredClone(instance)]))
  return {
    all,
    list: async () => structuredClone([...all.values()]),
    get: async (plugin, name) => structuredClone(all.get(`${plugin}/${name}`)),
    async save(instance) {
      all.set(`${instance.plugin}/${instance.name}`, structuredClone(instance))
    },
    async delete(plugin, name) {
      all.delete(`${plugin}/${name}`)
    },
  }
}
