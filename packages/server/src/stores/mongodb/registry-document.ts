import type { Body, Collection, Stored } from '@patchbay/core/registry/port'
import { StoreCorrupt, StoreMisused } from '../sqlite/errors.ts'
import { fold } from '../sqlite/fold.ts'

/**
 * A document as it lies in MongoDB. A body that BSON would not give back as it was (names with dots or dollars, half a surrogate pair, too
 * deep) is kept as text in `json`; `body` then has what lists may ask for.
 */
export interface RegistryDocument<B extends Body = Body> {
  _id: string
  /** The version. */
  v: number
  body: B
  json?: string
  /** Id and top-level texts in one case, where lists are searched: there is no collation on every server. */
  folded?: Record<string, string>
}

/** MongoDB nests to 100. */
const MAX_DEPTH = 50
/** What the driver would take for a value of its own. */
const driverWords = new Set(['__proto__', '_bsontype', 'toBSON', ''])
/** The collections that people search in. */
const searched: ReadonlySet<Collection> = new Set<Collection>(['devices', 'device_types', 'rules'])

export function isSearched(collection: Collection): boolean {
  return searched.has(collection)
}

export function toFields(collection: Collection, id: string, given: Body): Omit<RegistryDocument, '_id' | 'v'> {
  const json = toJson(given)
  const body: unknown = JSON.parse(json)
  if (!isObject(body)) throw new StoreMisused('a document must be an object')
  const folded = isSearched(collection) ? { folded: foldTexts(id, body) } : {}
  if (isPlain(body, MAX_DEPTH)) return { body, ...folded }
  const asked = Object.entries(body).filter(([name, value]) => isPlainName(name) && isPlain(value, 2))
  return { body: Object.fromEntries(asked), json, ...folded }
}

export function toStored<B extends Body>({ _id: id, v: version, body, json }: RegistryDocument<B>): Stored<B> {
  // The type is the caller's word for what it has put there; the store only knows that it is an object.
  const read: B = json === undefined ? body : JSON.parse(json)
  if (!isObject(read)) throw new StoreCorrupt(`document ${id} is not an object`)
  return { id, version, body: read }
}

function toJson(body: Body): string {
  if (!isObject(body)) throw new StoreMisused('a document must be an object')
  try {
    return JSON.stringify(body)
  } catch (error) {
    throw new StoreMisused('a document must be JSON', { cause: error })
  }
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPlainName(name: string): boolean {
  return !driverWords.has(name) && !/^\$|[.\0]/.test(name) && name.isWellFormed()
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth - 1))
  return Object.entries(value).every(([name, each]) => isPlainName(name) && isPlain(each, depth - 1))
}

function foldTexts(id: string, body: Body): Record<string, string> {
  const texts = Object.entries(body).flatMap(([name, value]) =>
    typeof value === 'string' && name !== 'id' && isPlainName(name) ? [[name, fold(value.toWellFormed())]] : [],
  )
  return Object.fromEntries([['id', fold(id)], ...texts])
}
