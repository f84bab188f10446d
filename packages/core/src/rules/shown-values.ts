import { type DeviceValues, toJson } from './device-values.ts'

const maxKeys = 20
const maxChars = 1000

/** What a condition saw, for people: the values of its keys. */
export function showValues(values: DeviceValues, keys: ReadonlySet<string>): Record<string, unknown> {
  const seen: [string, unknown][] = []
  for (const key of keys) {
    const value = values.get(key)
    if (value === undefined) continue
    if (seen.length === maxKeys) break
    const json = toJson(value)
    const text = typeof json === 'string' ? json : typeof json === 'object' ? JSON.stringify(json) : ''
    seen.push([key, text.length > maxChars ? `${text.slice(0, maxChars)}…` : json])
  }
  return Object.fromEntries(seen)
}
