import type { RecordValue, SinkRecord } from '@patchbay/contracts/delivery'

/** How streams, files and webhooks show a record: the untouched mapping. */
export interface RecordDocument {
  device: string
  /** ISO 8601 in UTC, with microseconds where there are any. */
  at: string
  values: Readonly<Record<string, RecordValue>>
}

/** A time in ISO 8601, UTC: milliseconds, or six decimals where microseconds need them. */
export function toIsoMicros(micros: number): string {
  const ms = Math.floor(micros / 1000)
  const rest = micros - ms * 1000
  const text = new Date(ms).toISOString()
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

/** A record as an object of plain values, for targets that take JSON. */
export const toDocument = ({ device, at, values }: SinkRecord): RecordDocument => ({
  device,
  at: toIsoMicros(at),
  values,
})

/** One line of JSON, without its end: `{"device","at","values"}`. */
export const toJsonLine = (record: SinkRecord): string => JSON.stringify(toDocument(record))
