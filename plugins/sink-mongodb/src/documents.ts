import type { RecordValue, SinkRecord } from '@patchbay/sdk'

/** A record as it is kept: one document a device and time. */
export interface Reading {
  /** `device/µs`: the same record is the same document, however often it comes. */
  _id: string
  device: string
  /** Milliseconds, which is what a date there has. */
  at: Date
  /** What `at` has no room for, 0 to 999; left out when it is 0. */
  micros?: number
  values: Readonly<Record<string, RecordValue>>
}

export const idOf = ({ device, at }: Pick<SinkRecord, 'device' | 'at'>): string => `${device}/${at}`

export function toReading(record: SinkRecord): Reading {
  const { device, at, values } = record
  const ms = Math.floor(at / 1000)
  const micros = at - ms * 1000
  return { _id: idOf(record), device, at: new Date(ms), ...(micros === 0 ? {} : { micros }), values }
}
