import { refuse } from '../errors.ts'
import type { Columns } from './columns.ts'
import type { DeviceIngest } from './device-ingest.ts'
import { ingestLimits } from './limits.ts'
import { checkAgainstType } from './type-rules.ts'

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `at` in µs. */
export function checkTime(at: number, nowMicros: number): void {
  if (!Number.isSafeInteger(at) || at < 0 || at > nowMicros + ingestLimits.aheadMicros) throw refuse('TIME_INVALID')
}

/**
 * Contract section 3: only an object with a number `ts` and an object `values` is timed. What stands beside the two would be lost
 * without a word, so it is refused.
 */
export function timedOf(item: Record<string, unknown>): { at: number; values: Record<string, unknown> } | undefined {
  const { ts, values } = item
  if (typeof ts !== 'number' || !isObject(values)) return undefined
  for (const name in item) {
    if (name !== 'ts' && name !== 'values') {
      throw refuse('PAYLOAD_INVALID', 'A reading with ts and values must hold nothing beside them.')
    }
  }
  return { at: Math.round(ts * 1000), values }
}

/** Something in it is not null. */
export function hasValue(values: Record<string, unknown>): boolean {
  for (const key in values) if (values[key] !== null && values[key] !== undefined) return true
  return false
}

export function checkValue(ingest: DeviceIngest, key: string, value: unknown): void {
  if (key.length === 0 || key.length > ingestLimits.keyLength) {
    throw refuse('PAYLOAD_INVALID', `A key must have 1 to ${ingestLimits.keyLength} characters.`)
  }
  const type = typeof value
  if (type === 'number' ? !Number.isFinite(value) : type !== 'boolean' && type !== 'string' && type !== 'object') {
    throw refuse('PAYLOAD_INVALID', `The value of ${JSON.stringify(key)} is no number, text, boolean or JSON.`)
  }
  if (ingest.rules.checks) checkAgainstType(ingest.rules, ingest.misfits, key, value)
}

/** Checks all values of a reading before the first is written; null is none. */
export function checkValues(ingest: DeviceIngest, values: Record<string, unknown>): void {
  const known = ingest.series.keys
  let fresh = 0
  for (const key in values) {
    const value = values[key]
    if (value === null || value === undefined) continue
    checkValue(ingest, key, value)
    if (!known.has(key)) fresh++
  }
  if (fresh > 0 && known.size + fresh > ingestLimits.keysPerDevice) throw refuse('KEYS_EXCEEDED')
}

export function addValue(ingest: DeviceIngest, columns: Columns, key: string, at: number, value: unknown): void {
  const series = ingest.series.keys.get(key) ?? ingest.addSeries(key)
  if (typeof value === 'number') columns.addNumber(series, at, value)
  else if (typeof value === 'boolean') columns.addBoolean(series, at, value)
  else if (typeof value === 'string') columns.addText(series, at, value, false)
  else columns.addText(series, at, toJson(key, value), true)
}

export function writeValues(
  ingest: DeviceIngest,
  columns: Columns,
  at: number,
  values: Record<string, unknown>,
): number {
  let rows = 0
  for (const key in values) {
    const value = values[key]
    if (value === null || value === undefined) continue
    addValue(ingest, columns, key, at, value)
    rows++
  }
  return rows
}

function toJson(key: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    // Only a codec plugin can hand in a cycle or a bottomless object: parsed payloads are within the depth limit.
    throw refuse('PAYLOAD_INVALID', `The value of ${JSON.stringify(key)} cannot be written as JSON.`, { cause })
  }
  if (text === undefined || text.length > ingestLimits.packetBytes) {
    throw refuse('PAYLOAD_INVALID', `The value of ${JSON.stringify(key)} cannot be written as JSON.`)
  }
  return text
}
