import { DeliverySettings, Selection } from '@patchbay/contracts/delivery'
import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import type { InstanceStore, StoredInstance } from '@patchbay/plugin-host/instance-store'
import type { KeyValue } from '@patchbay/sdk'
import { isDeepStrictEqual as isSame } from 'node:util'
import { Type } from 'typebox'
import { Value } from 'typebox/value'

const pageSize = 200
const instances: Collection = 'plugin_instances'
const values: Collection = 'plugin_values'

const Document = Type.Object({
  plugin: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  order: Type.Optional(Type.Integer()),
  select: Type.Optional(Selection),
  delivery: Type.Optional(DeliverySettings),
  config: Type.Record(Type.String(), Type.Unknown()),
  configVersion: Type.Integer(),
  starting: Type.Integer(),
  version: Type.Integer(),
})

// Neither plugin ids nor instance names have a slash.
const idOf = (plugin: string, name: string): string => `${plugin}/${name}`

/**
 * Plugin instances as documents of the registry. `shared`: by several nodes, whose noted starts are not each other's, and which do not
 * write over what a person changed at another one.
 */
export const createInstanceDocuments = (registry: RegistryStore, shared = false): InstanceStore => ({
  async list() {
    const found: StoredInstance[] = []
    let cursor: string | undefined
    do {
      const page = await registry.list(instances, { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) })
      for (const { body } of page.items) {
        if (Value.Check(Document, body)) found.push(shared ? { ...body, starting: 0 } : body)
      }
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found
  },
  async get(plugin, name) {
    const body = (await registry.get(instances, idOf(plugin, name)))?.body
    return Value.Check(Document, body) ? body : undefined
  },
  async save(instance) {
    const id = idOf(instance.plugin, instance.name)
    if (shared) {
      const { starting: _, ...next } = instance
      const { starting: __, ...there } = (await registry.get(instances, id))?.body ?? {}
      // A noted start, or one noted by a node that has not yet seen a change.
      if (isSame(next, there) || Number(there['version'] ?? 0) > next.version) return
    }
    await registry.put(instances, id, { ...instance }, 'any')
  },
  async delete(plugin, name) {
    await registry.delete(instances, idOf(plugin, name))
  },
})

/** The durable store of one instance's own. */
export const createInstanceValues = (registry: RegistryStore, plugin: string, name: string): KeyValue => {
  const id = (key: string): string => `${idOf(plugin, name)}/${key}`
  return {
    get: async (key) => (await registry.get(values, id(key)))?.body['value'],
    async set(key, value) {
      await registry.put(values, id(key), { value }, 'any')
    },
    async delete(key) {
      await registry.delete(values, id(key))
    },
  }
}

/** Deletes all that a removed instance had stored. */
export const forgetInstanceValues = async (registry: RegistryStore, plugin: string, name: string): Promise<void> => {
  const query = { prefix: `${idOf(plugin, name)}/`, limit: pageSize }
  while ((await registry.deleteWhere(values, query)) === pageSize);
}
