import { parentPort, workerData } from 'node:worker_threads'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Collection, Expected, WriteResult } from '@patchbay/core/registry/port'
import { holdLock, openDatabase } from './database-file.ts'
import { StoreMisused } from './errors.ts'
import { fold } from './fold.ts'
import { createGroupCommit, openWorker } from './group-commit.ts'
import type { RegistryCalls, RegistryWorkerData, Row, Sql } from './registry-calls.ts'
import { tableOf } from './registry-query.ts'
import { registrySchema, registrySchemaVersion, registryUpgrades } from './registry-schema.ts'
import type { RequestOf } from './worker-reply.ts'

type Request = RequestOf<RegistryCalls>
type Handlers = { [K in keyof RegistryCalls]: (ask: RegistryCalls[K]['ask']) => RegistryCalls[K]['answer'] }

const CACHE_BYTES = 8 * 1024 * 1024
/** Documents of one transaction. */
const MAX_GROUP = 2_000
/** Kept prepared statements; list queries have few shapes. */
const MAX_STATEMENTS = 200

const { file, durability }: RegistryWorkerData = workerData

openWorker(() => {
  const lock = holdLock(file)
  const db = openDatabase({
    file,
    durability,
    cacheBytes: CACHE_BYTES,
    schemaVersion: registrySchemaVersion,
    schema: registrySchema,
    upgrades: registryUpgrades,
  })
  db.function('holds', { deterministic: true }, (text, needle) =>
    typeof text === 'string' && typeof needle === 'string' && fold(text).includes(needle) ? 1 : 0,
  )
  const handlers = createHandlers(db)
  const group = createGroupCommit<Request>({
    db,
    weight: (request) => (request.op === 'append' ? request.ask.documents.length : 1),
    maxWeight: MAX_GROUP,
    apply: (request) => run(handlers, request),
    isClose: (request) => request.op === 'close',
    onClose: () => {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
      lock.close()
    },
  })
  parentPort?.on('message', (requests: Request[]) => {
    for (const request of requests) group.push(request)
  })
})

function run<K extends keyof RegistryCalls>(
  handlers: Handlers,
  request: { op: K; ask: RegistryCalls[K]['ask'] },
): RegistryCalls[K]['answer'] {
  return handlers[request.op](request.ask)
}

function createHandlers(db: DatabaseSync): Handlers {
  const statements = new Map<string, StatementSync>()

  function prepared(text: string): StatementSync {
    const known = statements.get(text)
    if (known) return known
    const oldest = statements.size >= MAX_STATEMENTS ? statements.keys().next().value : undefined
    if (oldest !== undefined) statements.delete(oldest)
    const made = db.prepare(text)
    statements.set(text, made)
    return made
  }

  function versionOf(collection: Collection, id: string): number {
    const row = prepared(`SELECT version FROM ${tableOf(collection)} WHERE id = ?`).get(id)
    return row ? toNumber(row['version']) : 0
  }

  /** The statement changes at most one row and answers its version; no row means that the expectation was wrong. */
  function write(collection: Collection, id: string, text: string, values: (string | number)[]): WriteResult {
    const row = prepared(text).get(...values)
    return row ? { ok: true, version: toNumber(row['version']) } : { ok: false, version: versionOf(collection, id) }
  }

  function put(collection: Collection, id: string, body: string, expected: Expected): WriteResult {
    const table = tableOf(collection)
    const insert = `INSERT INTO ${table} (id, version, body) VALUES (?, 1, ?) ON CONFLICT (id)`
    if (expected === 'any') {
      const text = `${insert} DO UPDATE SET version = version + 1, body = excluded.body RETURNING version`
      return write(collection, id, text, [id, body])
    }
    if (expected === 'new' || expected === 0) {
      return write(collection, id, `${insert} DO NOTHING RETURNING version`, [id, body])
    }
    const text = `UPDATE ${table} SET version = version + 1, body = ? WHERE id = ? AND version = ? RETURNING version`
    return write(collection, id, text, [body, id, expected])
  }

  const changed = ({ text, values }: Sql) => Number(prepared(text).run(...values).changes)

  return {
    get: ({ collection, id }) => {
      const row = prepared(`SELECT id, version, body FROM ${tableOf(collection)} WHERE id = ?`).get(id)
      return row && toRow(row)
    },
    put: ({ collection, id, body, expected }) => put(collection, id, body, expected),
    delete: ({ collection, id, expected }) => {
      const from = `DELETE FROM ${tableOf(collection)} WHERE id = ?`
      if (expected === 'any') return write(collection, id, `${from} RETURNING version`, [id])
      const version = expected === 'new' ? 0 : expected
      return write(collection, id, `${from} AND version = ? RETURNING version`, [id, version])
    },
    append: ({ collection, documents }) => {
      for (const { id, body } of documents) put(collection, id, body, 'any')
      return undefined
    },
    list: ({ text, values }) =>
      prepared(text)
        .all(...values)
        .map(toRow),
    change: changed,
    count: ({ collection }) => toNumber(prepared(`SELECT count(*) AS n FROM ${tableOf(collection)}`).get()?.['n']),
    trim: ({ collection, keep }) => {
      const table = tableOf(collection)
      // The highest id that goes is the one after `keep` from the top.
      const text = `DELETE FROM ${table} WHERE id <= (SELECT id FROM ${table} ORDER BY id DESC LIMIT 1 OFFSET ?)`
      return changed({ text, values: [Math.max(0, Math.floor(keep))] })
    },
    close: () => undefined,
  }
}

function toRow(row: Record<string, unknown>): Row {
  const { id, version, body } = row
  if (typeof id !== 'string' || typeof body !== 'string') throw new StoreMisused('not a document row')
  return { id, version: toNumber(version), body }
}

function toNumber(value: unknown): number {
  if (typeof value !== 'number') throw new StoreMisused('not a number in the database')
  return value
}
