import { isRecord } from './plain.ts'

/**
 * Fills in the defaults of a JSON Schema, in groups and in rows, too. It reads the schema as JSON, so one that a plugin wrote by hand counts as
 * much as one made of the SDK's fields. Defaults are copied; `value` is a copy of the caller's already, and is added to.
 */
export function withDefaults(schema: unknown, value: unknown): unknown {
  if (!isRecord(schema)) return value
  const given = value === undefined && 'default' in schema ? structuredClone(schema['default']) : value
  const { properties, items } = schema
  if (isRecord(given) && isRecord(properties))
    for (const [key, of] of Object.entries(properties)) {
      if (key === '__proto__') continue
      const filled = withDefaults(of, Object.hasOwn(given, key) ? given[key] : undefined)
      if (filled !== undefined) given[key] = filled
    }
  return Array.isArray(given) && isRecord(items) ? given.map((item) => withDefaults(items, item)) : given
}
