import { Configuration } from '@patchbay/contracts/configuration'
import type { FieldError } from '@patchbay/contracts/problem'
import type { TLocalizedValidationError } from 'typebox/error'
import { Value } from 'typebox/value'
import { type Kind, kinds } from './kinds.ts'
import { type Fields, isFields, isTooDeep, maxDocumentDepth, pointer } from './plain-value.ts'

/** One parsed document and the file it came from, if any. */
export interface Source {
  file?: string
  document: unknown
}

/** A thing that a document asks for. */
export interface Wanted {
  kind: Kind
  value: Fields
  /** Where it stands, for refusals. */
  where: { file?: string; path: string }
}

/** All that is asked for. */
export interface Demand {
  prune: boolean
  /** The kinds that have a list, even an empty one. */
  listed: ReadonlySet<Kind>
  items: readonly Wanted[]
}

export type Fault = FieldError & { file?: string }

const maxFaults = 50

const toFaults = (errors: readonly TLocalizedValidationError[]): FieldError[] =>
  errors.flatMap((error): FieldError[] => {
    const { keyword, instancePath: path, message } = error
    if (keyword === 'required')
      return error.params.requiredProperties.map((name) => ({
        path: pointer(path, name),
        code: keyword,
        message: 'is missing',
      }))
    if (keyword === 'additionalProperties')
      return error.params.additionalProperties.map((name) => ({
        path: pointer(path, name),
        code: keyword,
        message: 'is not known here',
      }))
    if (keyword === 'boolean') return [{ path, code: keyword, message: 'is not known here' }]
    if (keyword === 'pattern') return [{ path, code: keyword, message: 'is not well formed' }]
    return [{ path, code: keyword, message }]
  })

const checkShape = ({ file, document }: Source): Fault[] => {
  const at = file === undefined ? {} : { file }
  if (isTooDeep(document))
    return [{ ...at, path: '', code: 'too-deep', message: `is nested deeper than ${maxDocumentDepth}` }]
  if (Value.Check(Configuration, document)) return []
  const faults = new Map<string, Fault>()
  for (const fault of toFaults(Value.Errors(Configuration, document)))
    if (!faults.has(fault.path)) faults.set(fault.path, { ...at, ...fault })
  return [...faults.values()].slice(0, maxFaults)
}

const listIn = (document: unknown, kind: Kind): unknown => {
  let found: unknown = document
  for (const key of kind.section) found = isFields(found) && Object.hasOwn(found, key) ? found[key] : undefined
  return found
}

/** Reads documents that belong together: nothing may stand in two of them. Faults are all that is wrong with their form. */
export function toDemand(sources: readonly Source[]): { demand: Demand; faults: Fault[] } {
  const faults = sources.flatMap(checkShape)
  const listed = new Set<Kind>()
  const items: Wanted[] = []
  if (faults.length > 0) return { demand: { prune: false, listed, items }, faults }
  const seen = new Map<string, Wanted['where']>()
  for (const { file, document } of sources)
    for (const kind of kinds) {
      const list = listIn(document, kind)
      if (!Array.isArray(list)) continue
      listed.add(kind)
      for (const [index, value] of list.entries()) {
        if (!isFields(value)) continue
        const where = { ...(file === undefined ? {} : { file }), path: pointer(`/${kind.section.join('/')}`, index) }
        const key = `${kind.name} ${kind.idOf(value)}`
        const other = seen.get(key)
        if (other) {
          const there = other.file === undefined || other.file === file ? other.path : `${other.file}: ${other.path}`
          faults.push({ ...where, code: 'twice', message: `is ${key}, which stands at ${there} already` })
        }
        seen.set(key, where)
        items.push({ kind, value, where })
      }
    }
  const prune = sources.some(({ document }) => isFields(document) && document['prune'] === true)
  return { demand: { prune, listed, items }, faults }
}

/** A fault in one sentence that names file and path. */
export const toSentence = ({ file, path, message }: Fault): string =>
  `${file === undefined ? '' : `${file}: `}${path === '' ? 'the document' : path} ${message}`
