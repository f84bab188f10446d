/** The part of JSON Schema that plugins' fields are made of. */
export interface FieldSchema {
  type?: string
  title?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
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
  if (schema.enum) return schema.enum[0]
  return undefined
}

/** Is the field shown, with these values beside it? */
export const isShown = (schema: FieldSchema, beside: Values): boolean => {
  const when = schema['x-when']
  return when === undefined || own(beside, when.field) === when.is
}

/** With one field changed; an empty one is left out. All other fields stay, also those that the schema does not know. */
export const withField = (values: Values, key: string, value: unknown): Values =>
  Object.fromEntries([
    ...Object.entries(values).filter(([name]) => name !== key),
    ...(value === undefined || value === '' ? [] : [[key, value] as const]),
  ])

/** Errors of the platform by the field they are about: `/config/headers/0/name` under `/config` is `headers.0.name`. */
export const toFieldErrors = (
  errors: readonly { path: string; message: string }[],
  prefix: string,
): ReadonlyMap<string, string> =>
  new Map(
    errors.map(({ path, message }) => [path.replace(prefix, '').replace(/^\//, '').replaceAll('/', '.'), message]),
  )

/** Lines that differ between what is stored and what would be; secrets are not in either. */
export const toDiff = (before: unknown, after: unknown): { sign: '+' | '-'; line: string }[] => {
  const lines = (value: unknown): string[] => JSON.stringify(value, null, 2).split('\n')
  const [old, fresh] = [lines(before), lines(after)]
  const [oldSet, freshSet] = [new Set(old), new Set(fresh)]
  return [
    ...old.filter((line) => !freshSet.has(line)).map((line) => ({ sign: '-' as const, line })),
    ...fresh.filter((line) => !oldSet.has(line)).map((line) => ({ sign: '+' as const, line })),
  ]
}

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
