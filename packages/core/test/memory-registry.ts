// oxlint-disable typescript/no-unsafe-type-assertion, typescript/no-unnecessary-type-parameters -- the port's generics, filled from JSON
import { StoreUnavailable } from '../src/store-unavailable.ts'
import type {
  Body,
  Collection,
  Expected,
  ListPage,
  ListQuery,
  RegistryStore,
  Stored,
  WriteResult,
} from '../src/registry/port.ts'

/** What a test may do to a store that a real one cannot be asked for. */
export interface MemoryRegistry extends RegistryStore {
  /** While set, asked before each call; true makes it reject with StoreUnavailable, having done nothing. */
  failing:
    | ((call: 'get' | 'put' | 'delete' | 'append' | 'list' | 'trim', collection: Collection, id?: string) => boolean)
    | undefined
  /** Calls since the start, by name and collection: `put devices`. */
  readonly calls: Map<string, number>
}

/** An honest RegistryStore in memory: bodies go in and out as JSON, every answer comes in a later turn. */
export function createMemoryRegistry(): MemoryRegistry {
  const all = new Map<Collection, Map<string, { version: number; json: string }>>()
  const calls = new Map<string, number>()
  let closed = false

  const enter = async (
    call: Parameters<NonNullable<MemoryRegistry['failing']>>[0],
    collection: Collection,
    id?: string,
  ) => {
    calls.set(`${call} ${collection}`, (calls.get(`${call} ${collection}`) ?? 0) + 1)
    await Promise.resolve()
    if (closed) throw new StoreUnavailable('closed')
    if (registry.failing?.(call, collection, id)) throw new StoreUnavailable(`told to fail: ${call} ${collection}`)
    let documents = all.get(collection)
    if (!documents) all.set(collection, (documents = new Map()))
    return documents
  }

  const write = (
    documents: Map<string, { version: number; json: string }>,
    id: string,
    body: Body,
    expected: Expected,
  ): WriteResult => {
    const version = documents.get(id)?.version ?? 0
    if (expected === 'new' ? version !== 0 : expected !== 'any' && expected !== version) return { ok: false, version }
    documents.set(id, { version: version + 1, json: JSON.stringify(body) })
    return { ok: true, version: version + 1 }
  }

  const chosen = (documents: Map<string, { version: number; json: string }>, query: Omit<ListQuery, 'limit'>) => {
    const rows: Stored[] = []
    for (const [id, { version, json }] of documents) {
      const row = { id, version, body: JSON.parse(json) as Body }
      if (isChosen(row, query)) rows.push(row)
    }
    return rows
  }

  const registry: MemoryRegistry = {
    failing: undefined,
    calls,
    async get<B extends Body>(collection: Collection, id: string) {
      const found = (await enter('get', collection, id)).get(id)
      return found && { id, version: found.version, body: JSON.parse(found.json) as B }
    },
    async put(collection, id, body, expected) {
      return write(await enter('put', collection, id), id, body, expected)
    },
    async delete(collection, id, expected = 'any') {
      const documents = await enter('delete', collection, id)
      const version = documents.get(id)?.version ?? 0
      if (version === 0 || (typeof expected === 'number' && expected !== version)) return { ok: false, version }
      documents.delete(id)
      return { ok: true, version }
    },
    async append(collection, added) {
      const documents = await enter('append', collection)
      for (const { id, body } of added) write(documents, id, body, 'any')
    },
    async list<B extends Body>(collection: Collection, query: ListQuery): Promise<ListPage<B>> {
      const rows = chosen(await enter('list', collection), query)
      const by = query.sort?.by ?? 'id'
      const turn = query.sort?.descending ? -1 : 1
      const keyOf = (row: Stored): [unknown, string] => [by === 'id' ? row.id : row.body[by], row.id]
      const order = (a: [unknown, string], b: [unknown, string]) => turn * (compare(a[0], b[0]) || compare(a[1], b[1]))
      rows.sort((a, b) => order(keyOf(a), keyOf(b)))
      const after = query.cursor === undefined ? undefined : readCursor(query.cursor)
      const rest = after ? rows.filter((row) => order(keyOf(row), after) > 0) : rows
      const items = rest.slice(0, query.limit) as Stored<B>[]
      const last = items.at(-1)
      if (!last || rest.length <= query.limit) return { items }
      return { items, nextCursor: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') }
    },
    async count(collection) {
      return (await enter('list', collection)).size
    },
    async deleteWhere(collection, query) {
      const documents = await enter('delete', collection)
      const rows = chosen(documents, query).slice(0, query.limit)
      for (const row of rows) documents.delete(row.id)
      return rows.length
    },
    async trim(collection, keep) {
      const documents = await enter('trim', collection)
      const oldest = [...documents.keys()].sort(compare).slice(0, Math.max(0, documents.size - keep))
      for (const id of oldest) documents.delete(id)
      return oldest.length
    },
    async size() {
      let bytes = 0
      for (const documents of all.values()) for (const { json } of documents.values()) bytes += json.length
      return bytes
    },
    async close() {
      closed = true
    },
  }
  return registry
}

function readCursor(cursor: string): [unknown, string] {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [unknown, string]
}

const rank = (value: unknown) =>
  typeof value === 'string' ? 2 : typeof value === 'number' || typeof value === 'boolean' ? 1 : 0

/** Absent, then numbers, then text by code point (not by UTF-16 unit, as `<` would). */
function compare(a: unknown, b: unknown): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return Number(a ?? 0) - Number(b ?? 0)
}

function isChosen(row: Stored, query: Omit<ListQuery, 'limit'>): boolean {
  for (const [field, value] of Object.entries(query.where ?? {})) if (row.body[field] !== value) return false
  for (const [field, value] of Object.entries(query.contains ?? {})) {
    const list = row.body[field]
    if (!Array.isArray(list) || !list.includes(value)) return false
  }
  if (query.prefix !== undefined && !row.id.startsWith(query.prefix)) return false
  if (query.search) {
    const text = query.search.text.toLowerCase()
    const has = (field: string) => {
      const value = field === 'id' ? row.id : row.body[field]
      return typeof value === 'string' && value.toLowerCase().includes(text)
    }
    if (!query.search.fields.some(has)) return false
  }
  if (query.range) {
    const value = query.range.field === 'id' ? row.id : row.body[query.range.field]
    if (value === undefined) return false
    const { from, to } = query.range
    if (from !== undefined && (rank(value) !== rank(from) || compare(value, from) < 0)) return false
    if (to !== undefined && (rank(value) !== rank(to) || compare(value, to) >= 0)) return false
  }
  return true
}
