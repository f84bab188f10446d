import { type FieldSchema, isRecord, isShown, type Values } from './schema.ts'

/** The controls that there are. `json` is for what no other can show: nothing of a schema is ever left out. */
export const kinds = [
  'text',
  'multiline',
  'number',
  'toggle',
  'choice',
  'secret',
  'group',
  'list',
  'table',
  'json',
] as const
export type Kind = (typeof kinds)[number]

const isPlain = (value: unknown): boolean => value === null || /^(string|number|boolean)$/.test(typeof value)

/** The values to choose from, where a schema names all of them: by enum, const, or either of several consts. */
export const toChoices = (schema: FieldSchema): readonly unknown[] | undefined => {
  const found = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  if (found) return found.every(isPlain) ? found : undefined
  const either = schema.anyOf ?? schema.oneOf
  return either?.length && either.every((each) => each.const !== undefined && isPlain(each.const))
    ? either.map((each) => each.const)
    : undefined
}

/** Its one type; that it may also be null is no other control. */
export const typeOf = ({ type }: FieldSchema): string | undefined => {
  const types = [type ?? []].flat().filter((each) => each !== 'null')
  return types.length === 1 ? types[0] : undefined
}

export const toKind = (schema: FieldSchema): Kind => {
  if (toChoices(schema)) return 'choice'
  switch (typeOf(schema)) {
    case 'string':
      if (schema['x-secret']) return 'secret'
      return schema['x-widget'] === 'multiline' ? 'multiline' : 'text'
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'toggle'
    case 'object':
      return schema.properties ? 'group' : 'json'
    case 'array':
      if (!isRecord(schema.items)) return 'json'
      return typeOf(schema.items) === 'object' && schema.items.properties ? 'table' : 'list'
    default:
      return 'json'
  }
}

export interface ModelField {
  path: string
  kind: Kind
  label: string
  required: boolean
}

const walk = (schema: FieldSchema, value: unknown, own: ModelField): ModelField[] => {
  const under = (key: string | number): string => (own.path ? `${own.path}.${key}` : String(key))
  if (own.kind === 'group') {
    const values: Values = isRecord(value) ? value : {}
    const parts = Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
      if (!isShown(field, values)) return []
      const required = schema.required?.includes(key) ?? false
      return walk(field, Object.hasOwn(values, key) ? values[key] : undefined, {
        path: under(key),
        kind: toKind(field),
        label: field.title ?? key,
        required,
      })
    })
    return [own, ...parts]
  }
  if (own.kind === 'list' || own.kind === 'table') {
    const items: unknown[] = Array.isArray(value) ? value : []
    const of = schema.items ?? {}
    const rows = items.flatMap((item, n) => {
      return walk(of, item, {
        path: under(n),
        kind: toKind(of),
        label: of.title ?? `${own.label} ${n + 1}`,
        required: true,
      })
    })
    return [own, ...rows]
  }
  return [own]
}

/** The fields that a form shows for these values, in order: groups, lists and tables before what is in them. */
export const toModel = (schema: FieldSchema, value: unknown): ModelField[] =>
  walk(schema, value, { path: '', kind: toKind(schema), label: '', required: true }).slice(1)
