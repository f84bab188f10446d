import { collections } from '@patchbay/core/registry/port'

/** Fields that lists choose or sort by often; the expression must be the very text that `fieldSql` makes. */
const indexes: readonly (readonly [collection: string, field: string])[] = [
  ['devices', 'name'],
  ['devices', 'type'],
  ['credentials', 'device'],
  ['credentials', 'hash'],
  ['presence', 'status'],
  ['commands', 'device'],
  ['commands', 'state'],
  ['commands', 'open'],
  ['idempotency', 'expiresAt'],
  ['sessions', 'user'],
]

/** A top-level field of the body as SQL. The name must have been checked. */
export function fieldSql(field: string): string {
  return field === 'id' ? 'id' : `json_extract(body, '$.${field}')`
}

export const registrySchemaVersion = 1

// Without the check one body that SQLite cannot parse (too deep) would break every list of its collection.
export const registrySchema = [
  ...collections.map(
    (name) =>
      `CREATE TABLE ${name} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL CHECK (json_valid(body))) STRICT`,
  ),
  ...indexes.map(
    ([collection, field]) => `CREATE INDEX ${collection}_${field} ON ${collection} (${fieldSql(field)}, id)`,
  ),
].join(';\n')
