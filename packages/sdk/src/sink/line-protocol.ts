import type { RecordValue } from '@patchbay/contracts/delivery'

/** What no name can hold: a backslash before a comma has no spelling, and lines end at line breaks. */
const unspeakable = /[\\\p{Cc}\u2028\u2029]/gu

const toName = (text: string, special: RegExp): string => {
  const clean = text.replaceAll(unspeakable, '_').replaceAll(special, '\\$&')
  return clean === '' ? '_' : clean
}

/** A measurement or table of InfluxDB's line protocol. What begins with # would be a comment. */
export const toMeasurement = (text: string): string => toName(text.startsWith('#') ? `_${text}` : text, /[, ]/g)

/** A key or value of a tag, or a field's key. */
export const toTag = (text: string): string => toName(text, /[,= ]/g)

/**
 * A field's value: numbers are doubles always, so that 1 and 1.5 have one type; objects go as JSON text. `special`: what a text escapes; QuestDB
 * wants line breaks among it.
 */
export function toFieldValue(value: RecordValue, special = /["\\]/g): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 't' : 'f'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `"${text.replaceAll(special, '\\$&')}"`
}
