import type { TypeSpec } from './dataset.ts'
import type { Json } from './exact-json.ts'

const kindOf = (value: Json): 'number' | 'boolean' | 'text' | 'json' => {
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  return typeof value === 'string' ? 'text' : 'json'
}

/** Declares what a sample of a device holds. */
export const toType = (id: string, title: string, values: Record<string, Json>): TypeSpec => ({
  id,
  title,
  keys: Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [{ key, kind: kindOf(value) }])),
})
