import { collections } from '@patchbay/core/registry/port'

type Index = readonly [collection: string, field: string]

/** What came with version 2. */
const collectionsOf2 = ['rules', 'rule_states', 'alerts', 'maintenance'] as const
const indexesOf2: readonly Index[] = [
  ['alerts', 'pair'],
  ['alerts', 'rule'],
  ['alerts', 'device'],
  ['alerts', 'state'],
  ['alerts', 'pending'],
  ['alerts', 'dueAt'],
  ['alerts', 'wakeAt'],
]

/** What came with version 3. */
const collectionsOf3 = ['provisioning_keys'] as const
const indexesOf3: readonly Index[] = [['devices', 'provisionedBy']]

/** What came with version 4: the newest devices of a hundred thousand without sorting all of them. */
const indexesOf4: readonly Index[] = [['devices', 'createdAt']]

/** What came with version 5. */
const collectionsOf5 = ['dead_letters'] as const
const indexesOf5: readonly Index[] = [['dead_letters', 'instance']]

/** Fields that lists choose or sort by often; the expression must be the very text that `fieldSql` makes. */
export const registryIndexes: readonly Index[] = [
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
  ...indexesOf2,
  ...indexesOf3,
  ...indexesOf4,
  ...indexesOf5,
]

/** A top-level field of the body as SQL. The name must have been checked. */
export function fieldSql(field: string): string {
  return field === 'id' ? 'id' : `json_extract(body, '$.${field}')`
}

export const registrySchemaVersion = 5

// Without the check one body that SQLite cannot parse (too deep) would break every list of its collection.
const toTable = (name: string): string =>
  `CREATE TABLE ${name} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL CHECK (json_valid(body))) STRICT`

const toIndex = ([collection, field]: Index): string =>
  `CREATE INDEX ${collection}_${field} ON ${collection} (${fieldSql(field)}, id)`

export const registrySchema = [...collections.map(toTable), ...registryIndexes.map(toIndex)].join(';\n')

/** By the version that a file has: what brings it to the next one. */
export const registryUpgrades: Readonly<Record<number, string>> = {
  1: [...collectionsOf2.map(toTable), ...indexesOf2.map(toIndex)].join(';\n'),
  2: [...collectionsOf3.map(toTable), ...indexesOf3.map(toIndex)].join(';\n'),
  3: indexesOf4.map(toIndex).join(';\n'),
  4: [...collectionsOf5.map(toTable), ...indexesOf5.map(toIndex)].join(';\n'),
}
