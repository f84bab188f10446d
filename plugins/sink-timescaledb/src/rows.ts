import type { SinkRecord } from '@patchbay/sdk'
import { toArrayLiteral } from './array-literal.ts'

/** How records become rows of a table. */
export interface Rows {
  /** Columns and key of a table that is made. */
  readonly columns: string
  /** The statement that inserts all rows of its arrays, given the table's quoted name. */
  insert(table: string): string
  /** Its arrays; a point that comes twice in a batch is there once, as the later one. */
  arraysOf(records: readonly SinkRecord[]): string[]
}

const time = `'epoch'::timestamptz + a.at * interval '1 microsecond'`

/** What is the same stays untouched: a batch that comes again writes nothing. */
const replace = (key: string, columns: readonly string[]): string => {
  const of = (side: string): string => columns.map((column) => `${side}.${column}`).join(', ')
  const set = columns.map((column) => `${column} = excluded.${column}`).join(', ')
  return `ON CONFLICT (${key}) DO UPDATE SET ${set} WHERE (${of('t')}) IS DISTINCT FROM (${of('excluded')})`
}

const points: Rows = {
  columns:
    'time timestamptz NOT NULL, device text NOT NULL, key text NOT NULL, num float8, text text, json jsonb, PRIMARY KEY (device, key, time)',
  insert: (table) =>
    `INSERT INTO ${table} AS t (time, device, key, num, text, json) ` +
    `SELECT ${time}, a.device, a.key, a.num, a.text, a.json::jsonb ` +
    `FROM unnest($1::bigint[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[]) AS a(at, device, key, num, text, json) ` +
    replace('device, key, time', ['num', 'text', 'json']),
  arraysOf(records) {
    const rows = new Map<string, readonly [number, string, string, number | null, string | null, string | null]>()
    for (const { device, at, values } of records)
      for (const [key, value] of Object.entries(values)) {
        const num = typeof value === 'number' ? value : null
        const text = typeof value === 'string' ? value : null
        const json = num === null && text === null ? JSON.stringify(value) : null
        rows.set(`${at} ${device} ${key}`, [at, device, key, num, text, json])
      }
    const all = [...rows.values()]
    return [
      toArrayLiteral(all.map((row) => row[0])),
      toArrayLiteral(all.map((row) => row[1])),
      toArrayLiteral(all.map((row) => row[2])),
      toArrayLiteral(all.map((row) => row[3])),
      toArrayLiteral(all.map((row) => row[4])),
      toArrayLiteral(all.map((row) => row[5])),
    ]
  },
}

const messages: Rows = {
  columns: 'time timestamptz NOT NULL, device text NOT NULL, values jsonb NOT NULL, PRIMARY KEY (device, time)',
  insert: (table) =>
    // Another record of the same device and time may have brought other keys.
    `INSERT INTO ${table} AS t (time, device, values) SELECT ${time}, a.device, a.values::jsonb ` +
    `FROM unnest($1::bigint[], $2::text[], $3::text[]) AS a(at, device, values) ` +
    `ON CONFLICT (device, time) DO UPDATE SET values = t.values || excluded.values WHERE NOT t.values @> excluded.values`,
  arraysOf(records) {
    const rows = new Map<string, { at: number; device: string; values: SinkRecord['values'] }>()
    for (const { device, at, values } of records) {
      const name = `${at} ${device}`
      const before = rows.get(name)
      // By entries, so that a key `__proto__` is a key.
      const both = before ? [...Object.entries(before.values), ...Object.entries(values)] : undefined
      rows.set(name, { at, device, values: both ? Object.fromEntries(both) : values })
    }
    const all = [...rows.values()]
    return [
      toArrayLiteral(all.map(({ at }) => at)),
      toArrayLiteral(all.map(({ device }) => device)),
      toArrayLiteral(all.map(({ values }) => JSON.stringify(values))),
    ]
  },
}

export const rowsOf = (kind: 'point' | 'message'): Rows => (kind === 'message' ? messages : points)
