import type {
  Body,
  Collection,
  Expected,
  ListPage,
  ListQuery,
  RegistryStore,
  Stored,
  WriteResult,
} from '@patchbay/core/registry/port'
import type { Durability } from './database-file.ts'
import { StoreCorrupt, StoreMisused } from './errors.ts'
import { fileBytes, makePrivateFile } from './private-file.ts'
import type { RegistryCalls, RegistryWorkerData, Row } from './registry-calls.ts'
import { toCursor, toDeleteSql, toListSql } from './registry-query.ts'
import { WorkerLink } from './worker-link.ts'

export interface SqliteRegistryOptions {
  file: string
  durability: Durability
  /** The store's thread died; nothing works any more. */
  onFatal?: (error: Error) => void
}

const HEAP_MB = 96

/** Opens (or makes) the registry in one SQLite file, held by a thread of its own. */
export async function openSqliteRegistry(options: SqliteRegistryOptions): Promise<RegistryStore> {
  await makePrivateFile(options.file)
  const data: RegistryWorkerData = { file: options.file, durability: options.durability }
  let opened = false
  const link = new WorkerLink<RegistryCalls>({
    entry: new URL('./registry-worker.ts', import.meta.url),
    file: options.file,
    data,
    heapMb: HEAP_MB,
    onFatal: (error) => {
      if (opened) options.onFatal?.(error)
    },
  })
  await link.opened<undefined>()
  opened = true
  return new SqliteRegistry(link, options.file)
}

class SqliteRegistry implements RegistryStore {
  readonly #link: WorkerLink<RegistryCalls>
  readonly #file: string

  constructor(link: WorkerLink<RegistryCalls>, file: string) {
    this.#link = link
    this.#file = file
  }

  async get<B extends Body = Body>(collection: Collection, id: string): Promise<Stored<B> | undefined> {
    const row = await this.#link.call('get', { collection, id })
    return row && this.#toStored<B>(row)
  }

  async put(collection: Collection, id: string, body: Body, expected: Expected): Promise<WriteResult> {
    return this.#link.call('put', { collection, id, body: toJson(body), expected })
  }

  async delete(collection: Collection, id: string, expected: Expected = 'any'): Promise<WriteResult> {
    return this.#link.call('delete', { collection, id, expected })
  }

  async append(collection: Collection, documents: readonly { id: string; body: Body }[]): Promise<void> {
    if (documents.length === 0) return
    const asked = documents.map(({ id, body }) => ({ id, body: toJson(body) }))
    await this.#link.call('append', { collection, documents: asked })
  }

  async list<B extends Body = Body>(collection: Collection, query: ListQuery): Promise<ListPage<B>> {
    const { text, values, limit } = toListSql(collection, query)
    const rows = await this.#link.call('list', { text, values })
    const items = rows.slice(0, limit).map((row) => this.#toStored<B>(row))
    const last = items.at(-1)
    return rows.length > limit && last ? { items, nextCursor: toCursor(query, last) } : { items }
  }

  async count(collection: Collection): Promise<number> {
    return this.#link.call('count', { collection })
  }

  async deleteWhere(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Promise<number> {
    return this.#link.call('change', toDeleteSql(collection, query))
  }

  async trim(collection: Collection, keep: number): Promise<number> {
    return this.#link.call('trim', { collection, keep })
  }

  size(): Promise<number> {
    return fileBytes(this.#file)
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  #toStored<B extends Body>(row: Row): Stored<B> {
    // The type is the caller's word for what it has put there; the store only knows that it is an object.
    const body: B = JSON.parse(row.body)
    if (!isObject(body)) throw new StoreCorrupt(`document ${row.id} is not an object (${this.#file})`)
    return { id: row.id, version: row.version, body }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toJson(body: Body): string {
  if (!isObject(body)) throw new StoreMisused('a document must be an object')
  try {
    return JSON.stringify(body)
  } catch (error) {
    throw new StoreMisused('a document must be JSON', { cause: error })
  }
}
