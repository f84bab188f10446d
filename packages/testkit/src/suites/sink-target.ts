import type { RecordValue, SinkRecord } from '@patchbay/sdk'

/** One value at a target. */
export interface TargetPoint {
  device: string
  /** Integer microseconds since 1970. */
  at: number
  key: string
  value: RecordValue
}

/** The real server behind a sink, as its author reaches it: without the sink. */
export interface SinkTarget {
  /** A configuration of the sink that leads here. */
  config(): Record<string, unknown>
  /** All that is there, as often as it is there; in the order of arrival where the target has one. */
  rows(): Promise<readonly TargetPoint[]>
  wipe(): Promise<void>
  /** The server goes away at once, as by kill -9, and comes back with what it had. Left out: it cannot go away. */
  stop?(): Promise<void>
  start?(): Promise<void>
  close(): Promise<void>
}

/** The points of records, for targets that keep whole records. */
export const toPoints = (records: readonly Pick<SinkRecord, 'device' | 'at' | 'values'>[]): TargetPoint[] =>
  records.flatMap(({ device, at, values }) =>
    Object.entries(values).map(([key, value]) => ({ device, at, key, value })),
  )

/** Integer microseconds of an ISO 8601 time with up to six decimals. */
export function toMicros(iso: string): number {
  const [, seconds = iso, decimals = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(iso) ?? []
  return Date.parse(`${seconds}Z`) * 1000 + Number(decimals.padEnd(6, '0').slice(0, 6))
}

export interface RecordsOptions {
  count: number
  devices?: number
  /** Numbers the records on from here: each has its own `n`. */
  from?: number
  /** The time of number 0, µs; in November 2025 when left out. */
  base?: number
  values?: (n: number) => Record<string, RecordValue>
}

const baseMicros = 1_764_000_000_000_000

/** Records as the platform makes them: of several devices, times ascending, each with a number of its own under `n`. */
export const toRecords = ({ count, devices = 5, from = 0, base = baseMicros, values }: RecordsOptions): SinkRecord[] =>
  Array.from({ length: count }, (_, index) => {
    const n = from + index
    return {
      id: `w:${n + 1}`,
      device: `device-${n % devices}`,
      type: 'meter',
      at: base + n * 1000 + (n % 7),
      values: { n, ...values?.(n) },
    }
  })
