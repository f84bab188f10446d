import type { Collection, RegistryStore } from '@patchbay/core/registry/port'
import type { Db } from 'mongodb'

/** How often a node looks for what others changed: they see it within this and what the write of its note takes. */
export const CHANGE_LOOK_MS = 500
/** A note that could not be written is tried again. */
const RETRY_MS = 500
/** Changes of one collection whose ids are kept; whoever is further behind reads the whole collection. */
const MAX_RECENT = 500

/** Collections of which nodes keep something in memory. */
const watched: ReadonlySet<Collection> = new Set([
  'devices',
  'credentials',
  'device_types',
  'access_rules',
  'rules',
  'plugin_instances',
  'api_keys',
  'provisioning_keys',
  'presence',
  'maintenance',
  'alerts',
])

/** One document a collection: its number grows with each change, and its last ids belong to the last numbers. */
interface ChangeDocument {
  _id: string
  n: number
  recent: { id: string; by: string }[]
}

export interface Change {
  collection: Collection
  /** Undefined: too many changed, or it is not known which. */
  ids: readonly string[] | undefined
}

export interface ChangeLog {
  /** The registry whose changes others are told of. */
  readonly registry: RegistryStore
  /** Tells what others changed, from now on; one ear. The next look waits for the answer. */
  follow(hear: (change: Change) => Promise<void>): void
  /** Everything is to be read again: a node went that may have changed something without telling. */
  doubt(): void
  close(): Promise<void>
}

/** Tells nodes of each other's changes by numbers in the database: no change streams, which not every server has. */
export async function createChangeLog(
  db: Db,
  registry: RegistryStore,
  by: string,
  onFault: (error: unknown) => void,
): Promise<ChangeLog> {
  const documents = db.collection<ChangeDocument>('changes')
  const numbers = new Map<string, number>()
  const waiting = new Map<Collection, string[]>()
  let writing: Promise<void> | undefined
  let hear: ((change: Change) => Promise<void>) | undefined
  let doubted = false
  let closed = false
  for (const { _id, n } of await documents.find().project<{ _id: string; n: number }>({ n: 1 }).toArray()) {
    numbers.set(_id, n)
  }

  async function write(): Promise<void> {
    while (waiting.size > 0) {
      const [next] = waiting
      if (!next) return
      const [collection, ids] = next
      waiting.delete(collection)
      try {
        const $each = ids.slice(-MAX_RECENT).map((id) => ({ id, by }))
        await documents.updateOne(
          { _id: collection },
          { $inc: { n: ids.length }, $push: { recent: { $each, $slice: -MAX_RECENT } } },
          { upsert: true },
        )
      } catch (error) {
        waiting.set(collection, [...ids, ...(waiting.get(collection) ?? [])])
        onFault(error)
        if (closed) return
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
  function note(collection: Collection, ids: readonly string[]): void {
    if (!watched.has(collection) || ids.length === 0) return
    const own = waiting.get(collection)
    if (own) for (const id of ids) own.push(id)
    else waiting.set(collection, [...ids])
    writing ??= write().finally(() => (writing = undefined))
  }

  async function look(): Promise<void> {
    if (!hear) return
    const all = doubted
    doubted = false
    const found = await documents.find().project<{ _id: string; n: number }>({ n: 1 }).toArray()
    if (all) for (const collection of watched) await hear({ collection, ids: undefined })
    for (const { _id, n } of found) {
      const known = numbers.get(_id) ?? 0
      const collection = [...watched].find((name) => name === _id)
      if (n === known || !collection) continue
      const document = await documents.findOne({ _id })
      if (!document) continue
      const count = document.n - known
      const fresh = count > document.recent.length ? undefined : document.recent.slice(-count)
      const ids = fresh && [...new Set(fresh.filter((each) => each.by !== by).map(({ id }) => id))]
      if (!all && ids?.length !== 0) await hear({ collection, ids })
      numbers.set(_id, document.n)
    }
  }
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const lookLater = (): void => {
    timer = setTimeout(() => {
      looking = look()
        // MongoDB is away: what changed meanwhile is seen by its number.
        .catch(onFault)
        .finally(() => {
          if (!closed) lookLater()
        })
    }, CHANGE_LOOK_MS).unref()
  }
  lookLater()

  return {
    registry: {
      get: (...args) => registry.get(...args),
      list: (...args) => registry.list(...args),
      count: (...args) => registry.count(...args),
      trim: (...args) => registry.trim(...args),
      deleteWhere: (...args) => registry.deleteWhere(...args),
      size: () => registry.size(),
      close: () => registry.close(),
      async put(collection, id, body, expected) {
        const result = await registry.put(collection, id, body, expected)
        if (result.ok) note(collection, [id])
        return result
      },
      async delete(collection, id, expected) {
        const result = await registry.delete(collection, id, expected)
        if (result.ok) note(collection, [id])
        return result
      },
      async append(collection, given) {
        await registry.append(collection, given)
        note(
          collection,
          given.map(({ id }) => id),
        )
      },
    },
    follow: (ear) => void (hear = ear),
    doubt: () => void (doubted = true),
    async close() {
      closed = true
      clearTimeout(timer)
      await looking
      await writing
    },
  }
}
