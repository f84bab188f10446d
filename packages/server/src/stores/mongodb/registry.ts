import {
  collections,
  type Body,
  type Collection,
  type Expected,
  type ListPage,
  type ListQuery,
  type RegistryStore,
  type Stored,
  type WriteResult,
} from '@patchbay/core/registry/port'
import type { Collection as Documents, Db } from 'mongodb'
import { StoreMisused } from '../sqlite/errors.ts'
import { bytesOf } from './bytes.ts'
import { isDuplicate } from './failure.ts'
import { Gate } from './gate.ts'
import { toFields, toStored, type RegistryDocument } from './registry-document.ts'
import { toFilter, toLimit, toListPlan, toPageCursor } from './registry-filter.ts'
import { mongoRegistryIndexes } from './registry-indexes.ts'
import { prepareSchema } from './schema.ts'

/** Documents written with one call. */
const MAX_GROUP = 1_000
/** Two that make the same document at once: one of them tries again, and then it is there. */
const MAX_TRIES = 5

/** Opens (or makes) the registry in a database: a collection for each of the port's, a document for each of theirs. */
export async function openMongoRegistry(db: Db): Promise<RegistryStore> {
  await prepareSchema(db, { name: 'registry', version: 1, indexes: mongoRegistryIndexes })
  return new MongoRegistry(db)
}

/** The same as it is: nothing is made, and whoever has it reads only. */
export const readMongoRegistry = (db: Db): RegistryStore => new MongoRegistry(db)

class MongoRegistry implements RegistryStore {
  readonly #db: Db
  readonly #gate = new Gate()

  constructor(db: Db) {
    this.#db = db
  }

  get<B extends Body = Body>(collection: Collection, id: string): Promise<Stored<B> | undefined> {
    return this.#gate.pass(async () => {
      const found = await this.#of(collection).findOne<RegistryDocument<B>>({ _id: id })
      return found ? toStored(found) : undefined
    })
  }

  put(collection: Collection, id: string, body: Body, expected: Expected): Promise<WriteResult> {
    return this.#gate.pass(async () => {
      const documents = this.#of(collection)
      const fields = toFields(collection, id, body)
      if (expected === 'any') return this.#upsert(documents, id, fields)
      if (expected === 'new' || expected === 0) {
        try {
          await documents.insertOne({ _id: id, v: 1, ...fields })
          return { ok: true, version: 1 }
        } catch (error) {
          if (!isDuplicate(error)) throw error
          return { ok: false, version: await versionOf(documents, id) }
        }
      }
      const { matchedCount } = await documents.updateOne({ _id: id, v: expected }, toUpdate(fields))
      if (matchedCount === 1) return { ok: true, version: expected + 1 }
      return { ok: false, version: await versionOf(documents, id) }
    })
  }

  delete(collection: Collection, id: string, expected: Expected = 'any'): Promise<WriteResult> {
    return this.#gate.pass(async () => {
      const documents = this.#of(collection)
      const v = expected === 'new' ? 0 : expected
      const gone = await documents.findOneAndDelete(v === 'any' ? { _id: id } : { _id: id, v }, {
        projection: { v: 1 },
      })
      return gone ? { ok: true, version: gone.v } : { ok: false, version: await versionOf(documents, id) }
    })
  }

  append(collection: Collection, given: readonly { id: string; body: Body }[]): Promise<void> {
    return this.#gate.pass(async () => {
      const documents = this.#of(collection)
      const all = given.map(({ id, body }) => ({ id, fields: toFields(collection, id, body) }))
      for (let from = 0; from < all.length; from += MAX_GROUP) {
        await documents.bulkWrite(
          all.slice(from, from + MAX_GROUP).map(({ id, fields }) => ({
            updateOne: { filter: { _id: id }, update: toUpdate(fields), upsert: true },
          })),
        )
      }
    })
  }

  list<B extends Body = Body>(collection: Collection, query: ListQuery): Promise<ListPage<B>> {
    return this.#gate.pass(async () => {
      const { filter, sort, limit } = toListPlan(collection, query)
      const found = await this.#of(collection)
        .find<RegistryDocument<B>>(filter)
        .sort(sort)
        .limit(limit + 1)
        .toArray()
      const items = found.slice(0, limit).map((document) => toStored(document))
      const last = items.at(-1)
      return found.length > limit && last ? { items, nextCursor: toPageCursor(query, last) } : { items }
    })
  }

  count(collection: Collection): Promise<number> {
    return this.#gate.pass(() => this.#of(collection).countDocuments({}))
  }

  deleteWhere(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Promise<number> {
    return this.#gate.pass(async () => {
      const documents = this.#of(collection)
      const filter = toFilter(collection, query)
      const chosen = await documents.find(filter).project({ _id: 1 }).limit(toLimit(query.limit)).toArray()
      if (chosen.length === 0) return 0
      // The conditions again: what was changed meanwhile is no longer chosen.
      const ids: string[] = chosen.map(({ _id }) => String(_id))
      return (await documents.deleteMany({ $and: [{ _id: { $in: ids } }, filter] })).deletedCount
    })
  }

  trim(collection: Collection, keep: number): Promise<number> {
    return this.#gate.pass(async () => {
      const documents = this.#of(collection)
      const skip = Math.max(0, Math.floor(keep))
      // The highest id that goes is the one after `keep` from the top.
      const last = await documents.find().project({ _id: 1 }).sort({ _id: -1 }).skip(skip).limit(1).next()
      if (!last) return 0
      return (await documents.deleteMany({ _id: { $lte: String(last['_id']) } })).deletedCount
    })
  }

  size(): Promise<number> {
    return this.#gate.pass(() => bytesOf(this.#db, collections))
  }

  close(): Promise<void> {
    return this.#gate.close()
  }

  #of(collection: Collection): Documents<RegistryDocument> {
    if (!collections.includes(collection)) throw new StoreMisused(`no such collection: ${collection}`)
    return this.#db.collection<RegistryDocument>(collection)
  }

  async #upsert(documents: Documents<RegistryDocument>, id: string, fields: Fields): Promise<WriteResult> {
    for (let tries = 1; ; tries++) {
      try {
        const written = await documents.findOneAndUpdate({ _id: id }, toUpdate(fields), {
          upsert: true,
          returnDocument: 'after',
          projection: { v: 1 },
        })
        return { ok: true, version: written?.v ?? 1 }
      } catch (error) {
        if (!isDuplicate(error) || tries === MAX_TRIES) throw error
      }
    }
  }
}

type Fields = Omit<RegistryDocument, '_id' | 'v'>

function toUpdate(fields: Fields): { $set: Fields; $inc: { v: 1 }; $unset?: { json: 1 } } {
  const $inc = { v: 1 } as const
  return fields.json === undefined ? { $set: fields, $inc, $unset: { json: 1 } } : { $set: fields, $inc }
}

async function versionOf(documents: Documents<RegistryDocument>, id: string): Promise<number> {
  return (await documents.findOne({ _id: id }, { projection: { v: 1 } }))?.v ?? 0
}
