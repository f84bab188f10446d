import type { SinkRecord } from '@patchbay/contracts/delivery'
import { BadConfig } from '../failures.ts'

/** What a name may be made of: the device's id or type, a value's key, or a tag as `{tag:site}`. */
export type NameField = 'device' | 'type' | 'key' | 'tag'

/** What the parts of a name are taken from. */
export type NameSource = Pick<SinkRecord, 'device' | 'type' | 'tags'>

/** A name of a measurement, table, topic or key at a target, made for each record. */
export interface NameTemplate {
  /** It holds `{key}`: each value has a name of its own. */
  readonly byKey: boolean
  /** It is the same for all records. */
  readonly fixed: boolean
  of(record: NameSource, key?: string): string
}

/** How a template is read. */
export interface NameTemplateOptions {
  /** JSON pointer to the field that holds it, for the refusal. */
  path: string
  /** Such as `readings/{type}`. */
  text: string
  /** What may be put in. */
  fields: readonly NameField[]
  /** Makes what is put in harmless at the target: it comes from devices, and must not be able to end a name and begin something else. */
  clean: (text: string) => string
}

/** In place of what is empty, or a tag that the device has not. */
const nothing = '_'

/** The rest of the first tag that begins with `site:` or `site=`. */
function restOfTag(tags: readonly string[] | undefined, name: string): string {
  const tag = tags?.find((each) => each.startsWith(name) && (each[name.length] === ':' || each[name.length] === '='))
  return tag === undefined ? '' : tag.slice(name.length + 1)
}

type Part = string | ((record: NameSource, key: string) => string)

const spellingOf = (field: NameField): string => (field === 'tag' ? '{tag:NAME}' : `{${field}}`)

/** Reads a template; throws BadConfig that says what may be put in. */
export function readNameTemplate({ path, text, fields, clean }: NameTemplateOptions): NameTemplate {
  const refuse = (what: string): never => {
    throw new BadConfig(path, `${what}: ${fields.map(spellingOf).join(', ')} can be put in.`)
  }
  const put = (value: string): string => clean(value) || nothing
  const toPart = (name: string): Part => {
    const [field = '', tag = ''] = name.split(/:(.*)/s)
    const allowed = fields.find((each) => each === field)
    if (allowed === undefined || (allowed === 'tag') !== (tag !== '')) return refuse(`{${name}} is unknown`)
    if (allowed === 'device') return ({ device }) => put(device)
    if (allowed === 'type') return ({ type }) => put(type)
    if (allowed === 'key') return (_, key) => put(key)
    return ({ tags }) => put(restOfTag(tags, tag))
  }

  const parts: Part[] = []
  for (const [whole, name, plain = ''] of text.matchAll(/\{([^{}]*)\}|([^{}]+|[{}])/g)) {
    if (plain === '{' || plain === '}') refuse(`A ${plain} stands alone`)
    parts.push(name === undefined ? whole : toPart(name))
  }
  const of = (record: NameSource, key: string): string => {
    let filled = ''
    for (const part of parts) filled += typeof part === 'string' ? part : part(record, key)
    return filled
  }
  const fixed = parts.every((part) => typeof part === 'string')
  return { byKey: text.includes('{key}'), fixed, of: fixed ? () => text : (record, key = '') => of(record, key) }
}

/** Records of one name, with their places in the batch. */
export interface NamedRecords {
  name: string
  records: SinkRecord[]
  indices: number[]
}

/** A batch by the name that each record has, in order within each. */
export function groupByName(records: readonly SinkRecord[], template: NameTemplate): NamedRecords[] {
  const groups = new Map<string, NamedRecords>()
  for (const [index, record] of records.entries()) {
    const name = template.of(record)
    let group = groups.get(name)
    if (!group) groups.set(name, (group = { name, records: [], indices: [] }))
    group.records.push(record)
    group.indices.push(index)
  }
  return [...groups.values()]
}
