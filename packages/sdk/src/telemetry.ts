import type { Session } from '@patchbay/contracts/session'

/** What a stored point may hold: a number, text, a boolean, or an object or array kept as JSON. */
export type StoredValue = number | boolean | string | object

/** One stored point; times are microseconds since 1970. */
export interface StoredPoint {
  key: string
  at: number
  value: StoredValue
}

/** What is asked of one device. */
export interface TelemetryAsk {
  device: string
  /** All keys of the device when left out. */
  keys?: readonly string[]
  /** Inclusive and exclusive, µs. */
  from: number
  to: number
}

/** Stored telemetry, as far as somebody may read it. Every read rejects when `signal` ends it. */
export interface TelemetryReader {
  /** The ids of the devices that may be read, in no order. */
  devices(): Iterable<string>
  /** The newest point of each key of a device; none for one that may not be read. */
  latest(device: string, signal?: AbortSignal): Promise<Record<string, { at: number; value: StoredValue }>>
  /** Points ascending by time, then key, at most `limit`; `nextCursor` goes on from there. */
  raw(
    ask: TelemetryAsk & { limit: number; cursor?: string },
    signal?: AbortSignal,
  ): Promise<{ items: readonly StoredPoint[]; nextCursor?: string }>
  /**
   * Buckets of `step` µs from `from` on, empty ones left out; where the step allows, from what is rolled up already. Keys of text are named by
   * `mismatch` where a number was asked for.
   */
  range(
    ask: TelemetryAsk & { step: number; aggregate: 'avg' | 'min' | 'max' | 'sum' | 'count' | 'first' | 'last' },
    signal?: AbortSignal,
  ): Promise<{ series: Record<string, readonly { at: number; value: StoredValue }[]>; mismatch: readonly string[] }>
}

/** Reads what is stored, with the rights of who asks. */
export interface Telemetry {
  /**
   * What the principal of a session may read: a device its own, an application everything when the role of its API key has `telemetry.read`.
   * Rejects with `Refused`.
   */
  as(principal: Session['principal']): Promise<TelemetryReader>
}
