/** The part of JSON Schema that plugins' fields are made of, and a little more that schemas by hand have. */
export interface FieldSchema {
  type?: string | readonly string[]
  title?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  const?: unknown
  anyOf?: readonly FieldSchema[]
  oneOf?: readonly FieldSchema[]
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  maxItems?: number
  items?: FieldSchema
  properties?: Readonly<Record<string, FieldSchema>>
  required?: readonly string[]
  'x-widget'?: string
  'x-secret'?: boolean
  'x-when'?: { field: string; is: string | number | boolean }
  'x-setting'?: string
}
export type Values = Record<string, unknown>

export const isRecord = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
/** A secret that is stored and not shown. */
export const isKept = (value: unknown): boolean => isRecord(value) && value['set'] === true

const own = (values: Values, key: string): unknown => (Object.hasOwn(values, key) ? values[key] : undefined)

/** What a field begins with. An optional one begins absent, so that leaving it alone sends nothing. */
export const toInitial = (schema: FieldSchema): unknown => {
  // Schemas are JSON, and what Vue watches over cannot be cloned otherwise.
  if (schema.default !== undefined) return JSON.parse(JSON.stringify(schema.default))
  if (schema.type === 'object') {
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
        const isNeeded = schema.required?.includes(key) ?? false
        const value = isNeeded || field.default !== undefined ? toInitial(field) : undefined
        return value === undefined ? [] : [[key, value]]
      }),
    )
  }
  if (schema.type === 'array') return []
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  return undefined
}

/** Is the field shown, with these values beside it? */
export const isShown = (schema: FieldSchema, beside: Values): boolean => {
  const when = schema['x-when']
  return when === undefined || own(beside, when.field) === when.is
}

/**
 * With one field changed in its place; an empty one is left out. All other fields stay, also those that the schema does not know.
 */
export const withField = (values: Values, key: string, value: unknown): Values => {
  const isEmpty = value === undefined || value === ''
  const others = Object.entries(values)
  if (isEmpty) return Object.fromEntries(others.filter(([name]) => name !== key))
  if (!Object.hasOwn(values, key)) return Object.fromEntries([...others, [key, value]])
  return Object.fromEntries(others.map(([name, other]) => [name, name === key ? value : other]))
}

/** Errors of the platform by the field they are about: `/config/headers/0/name` under `/config` is `headers.0.name`. */
export const toFieldErrors = (
  errors: readonly { path: string; message: string }[],
  prefix: string,
): ReadonlyMap<string, string> =>
  new Map(
    errors.map(({ path, message }) => [path.replace(prefix, '').replace(/^\//, '').replaceAll('/', '.'), message]),
  )

/** For showing: every secret that is typed anew is dots. */
export const maskSecrets = (schema: FieldSchema, value: unknown): unknown => {
  if (schema['x-secret']) return isKept(value) ? value : value === undefined ? undefined : '•••'
  if (Array.isArray(value)) return value.map((item) => maskSecrets(schema.items ?? {}, item))
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, maskSecrets(schema.properties?.[key] ?? {}, item)]),
    )
  return value
}
