import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import { collections, type Body, type Collection, type ListQuery } from '@patchbay/core/registry/port'
import { StoreMisused } from './errors.ts'
import { fold } from './fold.ts'
import { fieldSql } from './registry-schema.ts'
import type { Sql } from './registry-calls.ts'

/** A list answers no more than this at once, whatever it is asked. */
export const MAX_PAGE = 10_000
const FIELD_NAME = /^[A-Za-z]\w*$/
const LAST_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

type SortValue = string | number | null

/** One page: one row more than asked, which tells whether there is a next page. */
export function toListSql(collection: Collection, query: ListQuery): Sql & { limit: number } {
  const conditions = toConditions(query)
  const by = fieldOf(query.sort?.by ?? 'id')
  const descending = query.sort?.descending ?? false
  if (query.cursor !== undefined) conditions.push(afterCursor(by, descending, query.cursor))
  const direction = descending ? 'DESC' : 'ASC'
  const order = by === 'id' ? `id ${direction}` : `${by} ${direction}, id ${direction}`
  const limit = toLimit(query.limit)
  const where = joined(conditions)
  return {
    text: `SELECT id, version, body FROM ${tableOf(collection)}${where.text} ORDER BY ${order} LIMIT ?`,
    values: [...where.values, limit + 1],
    limit,
  }
}

export function toDeleteSql(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Sql {
  const table = tableOf(collection)
  const where = joined(toConditions(query))
  return {
    text: `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table}${where.text} LIMIT ?)`,
    values: [...where.values, toLimit(query.limit)],
  }
}

/** Names the last row of a page by its place in the order. */
export function toCursor(query: ListQuery, last: { id: string; body: Body }): string {
  const by = query.sort?.by ?? 'id'
  const place = by === 'id' ? last.id : toSortValue(Object.hasOwn(last.body, by) ? last.body[by] : undefined)
  return Buffer.from(JSON.stringify([place, last.id])).toString('base64url')
}

export function tableOf(collection: Collection): string {
  if (!collections.includes(collection)) throw new StoreMisused(`no such collection: ${collection}`)
  return collection
}

/** The value that json_extract gives for a member of a body. */
function toSortValue(value: unknown): SortValue {
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return value === null || value === undefined ? null : JSON.stringify(value)
}

function afterCursor(by: string, descending: boolean, cursor: string): Sql {
  const [value, id] = readCursor(cursor)
  const beyond = descending ? '<' : '>'
  if (by === 'id') return { text: `id ${beyond} ?`, values: [id] }
  if (value === null) {
    const rest = `${by} IS NULL AND id ${beyond} ?`
    return { text: descending ? rest : `(${by} IS NOT NULL OR ${rest})`, values: [id] }
  }
  // The plain comparison first: it is the part that an index can follow.
  const text = `${by} ${beyond}= ? AND (${by} ${beyond} ? OR id ${beyond} ?)`
  return { text: descending ? `(${by} IS NULL OR ${text})` : text, values: [value, value, id] }
}

function readCursor(cursor: string): [SortValue, string] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch (error) {
    throw new CursorInvalid('not a cursor of this list', { cause: error })
  }
  if (Array.isArray(parsed) && parsed.length === 2) {
    const [value, id]: unknown[] = parsed
    const sortable = value === null || typeof value === 'string' || typeof value === 'number'
    if (sortable && typeof id === 'string') return [value, id]
  }
  throw new CursorInvalid('not a cursor of this list')
}

function toConditions(query: Omit<ListQuery, 'cursor' | 'sort'>): Sql[] {
  const conditions: Sql[] = []
  for (const [field, value] of Object.entries(query.where ?? {})) conditions.push(equals(field, value))
  for (const [field, value] of Object.entries(query.contains ?? {})) conditions.push(contains(field, value))
  if (query.search) conditions.push(search(query.search))
  if (query.prefix) conditions.push(prefix(query.prefix))
  if (query.range) conditions.push(...range(query.range))
  return conditions
}

function equals(field: string, value: string | number | boolean): Sql {
  const sql = fieldOf(field)
  if (typeof value === 'boolean') {
    // json_extract makes 1 and 0 of them: the first half is what an index can follow.
    return { text: `${sql} = ? AND ${typeOf(field)} = '${String(value)}'`, values: [value ? 1 : 0] }
  }
  return { text: `${sql} = ?${ofTypeOf(field, value)}`, values: [value] }
}

function contains(field: string, value: string): Sql {
  fieldOf(field)
  return {
    text: `${typeOf(field)} = 'array' AND EXISTS (SELECT 1 FROM json_each(body, '$.${field}') AS part WHERE part.type = 'text' AND part.value = ?)`,
    values: [value],
  }
}

function search(query: { fields: readonly string[]; text: string }): Sql {
  const needle = fold(query.text)
  const parts = query.fields.map((field) => `holds(${fieldOf(field)}, ?)`)
  return { text: parts.length === 0 ? '0' : `(${parts.join(' OR ')})`, values: parts.map(() => needle) }
}

function prefix(text: string): Sql {
  const end = firstBeyond(text)
  return end === undefined ? { text: 'id >= ?', values: [text] } : { text: 'id >= ? AND id < ?', values: [text, end] }
}

/** The first text in code point order that is beyond all that begin with `text`. */
export function firstBeyond(text: string): string | undefined {
  const points = Array.from(text, (part) => part.codePointAt(0) ?? 0)
  while (points.length > 0) {
    const last = points.pop() ?? 0
    if (last < LAST_CODE_POINT) {
      const next = last + 1 >= FIRST_SURROGATE && last + 1 <= LAST_SURROGATE ? LAST_SURROGATE + 1 : last + 1
      return String.fromCodePoint(...points, next)
    }
  }
  return undefined
}

function range(query: NonNullable<ListQuery['range']>): Sql[] {
  const sql = fieldOf(query.field)
  const conditions: Sql[] = []
  const { from, to } = query
  if (from !== undefined) conditions.push({ text: `${sql} >= ?${ofTypeOf(query.field, from)}`, values: [from] })
  if (to !== undefined) conditions.push({ text: `${sql} < ?${ofTypeOf(query.field, to)}`, values: [to] })
  return conditions
}

/** SQLite orders every number before every text; a comparison here means values of one type only. */
function ofTypeOf(field: string, value: string | number): string {
  if (field === 'id') return ''
  return typeof value === 'string' ? ` AND ${typeOf(field)} = 'text'` : ` AND ${typeOf(field)} IN ('integer', 'real')`
}

function typeOf(field: string): string {
  return `json_type(body, '$.${field}')`
}

function fieldOf(field: string): string {
  if (!FIELD_NAME.test(field)) throw new StoreMisused(`not a field name: ${JSON.stringify(field)}`)
  return fieldSql(field)
}

function joined(conditions: Sql[]): Sql {
  if (conditions.length === 0) return { text: '', values: [] }
  return {
    text: ` WHERE ${conditions.map((condition) => condition.text).join(' AND ')}`,
    values: conditions.flatMap((condition) => condition.values),
  }
}

function toLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) throw new StoreMisused(`not a limit: ${limit}`)
  return Math.min(limit, MAX_PAGE)
}
