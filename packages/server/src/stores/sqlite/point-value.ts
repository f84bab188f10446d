import { kinds, type PointJson } from '@patchbay/core/telemetry/port'
import { StoreCorrupt } from './errors.ts'

/** A stored value as the reader's thread hands it over, in the form that callers see. */
export function toPointJson(
  kind: number | undefined,
  value: number | string | [number, number] | undefined,
): PointJson {
  switch (kind) {
    case kinds.number:
      if (typeof value === 'number' || typeof value === 'object') return value
      break
    case kinds.boolean:
      if (typeof value === 'number') return value !== 0
      break
    case kinds.text:
      if (typeof value === 'string') return value
      break
    case kinds.json:
      if (typeof value === 'string') return parsed(value)
      break
  }
  throw new StoreCorrupt(`a value of kind ${kind} has a wrong form`)
}

function parsed(text: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new StoreCorrupt('a value of kind json is no JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null) throw new StoreCorrupt('a value of kind json is no object or array')
  return value
}

/** An object for names that devices chose: `__proto__` is a name like any other in it. */
export function nameMap<T>(): Record<string, T> {
  const map: Record<string, T> = Object.create(null)
  return map
}
