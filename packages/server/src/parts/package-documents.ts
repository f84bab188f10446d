import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import { PackageRecord, type PackageStore } from '@patchbay/plugin-host/packages/record'
import { Value } from 'typebox/value'

const values: Collection = 'plugin_values'
/** Under the host's own notes: no plugin can have the id `host`. */
const prefix = 'host/packages/'
const pageSize = 200

/** What is kept of installed plugins: one document each, so that each change of it is whole or not at all. */
export const createPackageDocuments = (registry: RegistryStore): PackageStore => ({
  async list() {
    const found: PackageRecord[] = []
    let cursor: string | undefined
    do {
      const page = await registry.list(values, { prefix, limit: pageSize, ...(cursor === undefined ? {} : { cursor }) })
      for (const { body } of page.items) {
        const record: unknown = body['value']
        if (Value.Check(PackageRecord, record)) found.push(record)
      }
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found
  },
  async put(record) {
    await registry.put(values, prefix + record.id, { value: record }, 'any')
  },
  async delete(id) {
    await registry.delete(values, prefix + id)
  },
})
