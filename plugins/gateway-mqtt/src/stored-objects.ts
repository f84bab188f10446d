import type { KeyValue, Secrets } from '@patchbay/sdk'
import { addDocument, type Documents, noDocuments } from './document.ts'
import { type ResourceName, resourceNames } from './schemas.ts'
import { mapSecrets } from './secret-fields.ts'

export interface StoredObject {
  /** As it was sent, with id and times; secrets in it are open. */
  value: Record<string, unknown>
  createdIndex: number
  modifiedIndex: number
}

/** The Admin API's objects: in memory, and durable before a write is answered. */
export interface StoredObjects {
  readonly of: Readonly<Record<ResourceName, ReadonlyMap<string, StoredObject>>>
  readonly documents: Documents
  /** Creates or replaces. */
  put(
    resource: ResourceName,
    id: string,
    value: Record<string, unknown>,
  ): Promise<{ object: StoredObject; isNew: boolean }>
  remove(resource: ResourceName, id: string): Promise<void>
  /** What could not be read back when the plugin started. */
  readonly problems: readonly string[]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isIndex = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((id) => typeof id === 'string')

const isStored = (value: unknown): value is StoredObject & Record<string, unknown> =>
  isRecord(value) &&
  isRecord(value['value']) &&
  typeof value['createdIndex'] === 'number' &&
  typeof value['modifiedIndex'] === 'number'

export async function openStoredObjects(store: KeyValue, secrets: Secrets): Promise<StoredObjects> {
  const of: Record<ResourceName, Map<string, StoredObject>> = {
    stream_routes: new Map(),
    upstreams: new Map(),
    services: new Map(),
    ssls: new Map(),
  }
  const documents = noDocuments()
  const problems: string[] = []
  let lastIndex = 0
  const indexKey = (resource: ResourceName): string => `index/${resource}`
  const objectKey = (resource: ResourceName, id: string): string => `object/${resource}/${id}`

  for (const resource of resourceNames) {
    const index: unknown = await store.get(indexKey(resource))
    for (const id of isIndex(index) ? index : []) {
      try {
        const read: unknown = await store.get(objectKey(resource, id))
        if (!isStored(read)) throw new TypeError('it is not there')
        const value = mapSecrets(resource, read.value, (sealed) => secrets.open(sealed))
        const fault = addDocument[resource](documents, id, toDocument(value))
        if (fault !== undefined) throw new TypeError(fault)
        of[resource].set(id, { value, createdIndex: read.createdIndex, modifiedIndex: read.modifiedIndex })
        lastIndex = Math.max(lastIndex, read.modifiedIndex)
      } catch (error) {
        problems.push(
          `${resource}/${id} cannot be read back: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
  }
  const writeIndex = (resource: ResourceName, ids: readonly string[]): Promise<void> =>
    store.set(indexKey(resource), ids)

  return {
    of,
    documents,
    problems,
    async put(resource, id, value) {
      const map = of[resource]
      const before = map.get(id)
      lastIndex += 1
      const object = { value, createdIndex: before?.createdIndex ?? lastIndex, modifiedIndex: lastIndex }
      const sealed = mapSecrets(resource, value, (secret) => secrets.seal(secret))
      await store.set(objectKey(resource, id), { ...object, value: sealed })
      // After the object: an index never names what is not there.
      if (!before) await writeIndex(resource, [...map.keys(), id])
      map.set(id, object)
      addDocument[resource](documents, id, toDocument(value))
      return { object, isNew: before === undefined }
    },
    async remove(resource, id) {
      const map = of[resource]
      await writeIndex(
        resource,
        [...map.keys()].filter((other) => other !== id),
      )
      await store.delete(objectKey(resource, id))
      map.delete(id)
      documents[resource].delete(id)
    },
  }
}

/** Without the times, which are ours and not the schema's. */
export const toDocument = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'create_time' && name !== 'update_time'))
