import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import type { Body, Collection, ListQuery } from '@patchbay/core/registry/port'
import type { Filter } from 'mongodb'
import { StoreMisused } from '../sqlite/errors.ts'
import { fold } from '../sqlite/fold.ts'
import { firstBeyond, MAX_PAGE } from '../sqlite/registry-query.ts'
import { isSearched, type RegistryDocument } from './registry-document.ts'

type Condition = Filter<RegistryDocument>
type SortValue = string | number | boolean | null

const FIELD_NAME = /^[A-Za-z]\w*$/
/** The order in which MongoDB sorts values of different types; what is absent stands before all. */
const typesInOrder = ['number', 'string', 'object', 'array', 'bool'] as const
const nothing: Condition = { _id: { $in: [] } }

export interface ListPlan {
  filter: Condition
  sort: Record<string, 1 | -1>
  limit: number
}

export function toListPlan(collection: Collection, query: ListQuery): ListPlan {
  const conditions = toConditions(collection, query)
  const by = fieldOf(query.sort?.by ?? 'id')
  const descending = query.sort?.descending ?? false
  if (query.cursor !== undefined) conditions.push(afterCursor(by, descending, query.cursor))
  const direction = descending ? -1 : 1
  return {
    filter: joined(conditions),
    sort: by === '_id' ? { _id: direction } : { [by]: direction, _id: direction },
    limit: toLimit(query.limit),
  }
}

export function toFilter(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Condition {
  return joined(toConditions(collection, query))
}

/** Names the last document of a page by its place in the order. */
export function toPageCursor(query: ListQuery, last: { id: string; body: Body }): string {
  const by = query.sort?.by ?? 'id'
  const value = by === 'id' ? last.id : Object.hasOwn(last.body, by) ? last.body[by] : null
  return Buffer.from(JSON.stringify([isSortValue(value) ? value : null, last.id])).toString('base64url')
}

export function toLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) throw new StoreMisused(`not a limit: ${limit}`)
  return Math.min(limit, MAX_PAGE)
}

function toConditions(collection: Collection, query: Omit<ListQuery, 'cursor' | 'sort'>): Condition[] {
  const conditions: Condition[] = []
  for (const [field, value] of Object.entries(query.where ?? {})) conditions.push(scalar(field, { $eq: value }))
  for (const [field, value] of Object.entries(query.contains ?? {})) {
    conditions.push({ [fieldOf(field)]: { $elemMatch: { $eq: value } } })
  }
  if (query.search) conditions.push(search(collection, query.search))
  if (query.prefix) conditions.push(prefix(query.prefix))
  if (query.range) {
    const { field, from, to } = query.range
    const bounds = { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) }
    if (Object.keys(bounds).length > 0) conditions.push(scalar(field, bounds))
  }
  return conditions
}

/** A comparison looks into arrays too, which is not meant. */
function scalar(field: string, comparison: object): Condition {
  const path = fieldOf(field)
  return path === '_id' ? { _id: comparison } : { [path]: { ...comparison, $not: { $type: 'array' } } }
}

function search(collection: Collection, { fields, text }: { fields: readonly string[]; text: string }): Condition {
  if (!isSearched(collection)) throw new StoreMisused(`nothing is searched in ${collection}`)
  const needle = fold(text.toWellFormed())
  if (fields.length === 0 || needle.includes('\0')) return nothing
  const $regex = needle.replace(/[\\^$.*+?()[\]{}|/#-]/g, String.raw`\$&`)
  return {
    $or: fields.map((field) => {
      fieldOf(field)
      return { [`folded.${field}`]: { $regex } }
    }),
  }
}

function prefix(text: string): Condition {
  const end = firstBeyond(text)
  return { _id: end === undefined ? { $gte: text } : { $gte: text, $lt: end } }
}

function afterCursor(by: string, descending: boolean, cursor: string): Condition {
  const [value, id] = readCursor(cursor)
  const beyond = descending ? { $lt: id } : { $gt: id }
  if (by === '_id') return { _id: beyond }
  const same: Condition = { [by]: value, _id: beyond }
  const place = value === null ? -1 : typesInOrder.indexOf(typeName(value))
  const types = descending ? typesInOrder.slice(0, Math.max(0, place)) : typesInOrder.slice(place + 1)
  const parts: Condition[] = [same]
  if (types.length > 0) parts.push({ [by]: { $type: types } })
  if (value !== null) {
    parts.push({ [by]: descending ? { $lt: value } : { $gt: value } })
    if (descending) parts.push({ [by]: null })
  }
  return { $or: parts }
}

function typeName(value: string | number | boolean): 'number' | 'string' | 'bool' {
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'number' ? 'number' : 'string'
}

function isSortValue(value: unknown): value is SortValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
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
    if (isSortValue(value) && typeof id === 'string') return [value, id]
  }
  throw new CursorInvalid('not a cursor of this list')
}

function fieldOf(field: string): string {
  if (!FIELD_NAME.test(field)) throw new StoreMisused(`not a field name: ${JSON.stringify(field)}`)
  return field === 'id' ? '_id' : `body.${field}`
}

function joined(conditions: Condition[]): Condition {
  if (conditions.length === 0) return {}
  return conditions.length === 1 ? (conditions[0] ?? {}) : { $and: conditions }
}
