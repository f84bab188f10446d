import { isRecord, textOf } from './page.ts'

/** Deeper than this a schema is shown as `object`. */
const maxDepth = 3

const refName = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1)

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

function toObject(schema: Record<string, unknown>, depth: number): string {
  const { properties, additionalProperties, patternProperties } = schema
  if (!isRecord(properties) || Object.keys(properties).length === 0) {
    const values = isRecord(patternProperties) ? Object.values(patternProperties)[0] : additionalProperties
    return isRecord(values) ? `{[key]: ${toJsonType(values, depth + 1)}}` : 'object'
  }
  if (depth >= maxDepth) return 'object'
  const required = new Set(list(schema['required']))
  const fields = Object.entries(properties).map(
    ([name, field]) => `${name}${required.has(name) ? '' : '?'}: ${toJsonType(field, depth + 1)}`,
  )
  return `{${fields.join(', ')}}`
}

/** A JSON Schema in one line, as a reader would write the type. */
export function toJsonType(schema: unknown, depth = 0): string {
  if (!isRecord(schema)) return 'any'
  const ref = textOf(schema, '$ref')
  if (ref !== '') return refName(ref)
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ')
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const parts = list(schema[key])
    if (parts.length > 0) return parts.map((part) => toJsonType(part, depth + 1)).join(key === 'allOf' ? ' & ' : ' | ')
  }
  const { type } = schema
  if (type === 'array') {
    const item = toJsonType(schema['items'], depth + 1)
    return /[ |&]/.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`
  }
  if (type === 'object') return toObject(schema, depth)
  if (type === 'string' && schema['format'] === 'date-time') return 'time'
  return typeof type === 'string' ? type : 'any'
}
