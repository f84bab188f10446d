/**
 * The registry store: every document that is not telemetry. Filled by node:sqlite here and by MongoDB where one machine is not enough, so
 * it promises only what both keep: one document is written atomically against an expected version, and nothing wider.
 */

/** The collections, their plural snake_case names as MongoDB will show them. */
export const collections = [
  'devices',
  'credentials',
  'provisioning_keys',
  'presence',
  'device_types',
  'access_rules',
  'shadows',
  'commands',
  'refusals',
  'idempotency',
  'plugin_instances',
  'plugin_values',
  'users',
  'roles',
  'sessions',
  'api_keys',
  'audit',
  'rules',
  'rule_states',
  'alerts',
  'maintenance',
  'dead_letters',
  'meta',
] as const
export type Collection = (typeof collections)[number]

/** What a document may hold: JSON. `version` is the store's and lies beside the body. */
export type Body = Record<string, unknown>

export interface Stored<B extends Body = Body> {
  id: string
  /** 1 when made, one more with each write. */
  version: number
  body: B
}

/**
 * `new`: must not exist; a number: must be at that version (0 = must not exist); `any`: last write wins (makes it when absent).
 */
export type Expected = 'new' | 'any' | number

/** What a write came to. A conflict is no error: it names the version that is there (0 = absent). */
export type WriteResult = { ok: true; version: number } | { ok: false; version: number }

/** Conditions are joined by AND. Field names are top-level fields of the body; ids sort by code point. */
export interface ListQuery {
  /** Field equals value. */
  where?: Record<string, string | number | boolean>
  /** The array field holds the value. */
  contains?: Record<string, string>
  /** Some of the fields (`id` too) hold the text, whatever its case. */
  search?: { fields: readonly string[]; text: string }
  /** Only ids that begin so. */
  prefix?: string
  /** Field lies in [from, to): strings compare by code point (ISO times sort so). */
  range?: { field: string; from?: string | number; to?: string | number }
  /** A field of the body or `id`; the id settles ties in the same direction. Documents without the field come first when ascending. */
  sort?: { by: string; descending?: boolean }
  limit: number
  /** As answered by the page before, with the same query; anything else rejects with `CursorInvalid`. */
  cursor?: string
}

export interface ListPage<B extends Body = Body> {
  items: Stored<B>[]
  /** Absent on the last page. */
  nextCursor?: string
}

export interface RegistryStore {
  get<B extends Body = Body>(collection: Collection, id: string): Promise<Stored<B> | undefined>
  /** Durable when resolved. Rejects only when the store cannot work (`StoreUnavailable`). */
  put(collection: Collection, id: string, body: Body, expected: Expected): Promise<WriteResult>
  /** Durable when resolved; `{ok: false}` when absent or at another version. */
  delete(collection: Collection, id: string, expected?: Expected): Promise<WriteResult>
  /** Puts many documents of one collection as `any`, each atomic by itself, in order. For logs. */
  append(collection: Collection, documents: readonly { id: string; body: Body }[]): Promise<void>
  list<B extends Body = Body>(collection: Collection, query: ListQuery): Promise<ListPage<B>>
  count(collection: Collection): Promise<number>
  /** Deletes what the conditions of the query choose, at most `limit`; answers how many went. */
  deleteWhere(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Promise<number>
  /** Deletes the oldest ids (lowest by code point) until at most `keep` are left; answers how many went. */
  trim(collection: Collection, keep: number): Promise<number>
  /** Bytes on disk. */
  size(): Promise<number>
  close(): Promise<void>
}
