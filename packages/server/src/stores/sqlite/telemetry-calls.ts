import type { AggregateName, Retention, RetentionResult, TelemetryStats } from '@patchbay/core/telemetry/port'

import type { SealLimits } from './seal-queue.ts'

export interface SeriesDefinition {
  id: number
  device: string
  key: string
}

/** What the thread of the hot log does. */
export interface LogCalls {
  /** `body` as `packRows` made it. Answers the sequence number of the last row. */
  append: { ask: { body: Uint8Array; text: string[]; definitions: SeriesDefinition[] }; answer: number }
  /** Lets go of the points up to `to`, but `kept`. */
  trim: {
    ask: { to: number; kept: { body: Uint8Array; text: string[]; seqs: Uint8Array } | undefined }
    answer: undefined
  }
  /** Answered when all that came before it is committed. */
  barrier: { ask: undefined; answer: undefined }
  close: { ask: undefined; answer: undefined }
}

export interface LogOpened {
  writer: string
  /** The highest series id that is or was in use. */
  lastSeries: number
  /** Points that the log holds. */
  hotPoints: number
  /** The highest sequence number given so far. */
  lastSeq: number
}

/** Points as columns. `name` points into the names that lie beside. Values of kind json are JSON text. */
export interface Columns {
  name: number[]
  at: number[]
  kind: number[]
  value: (number | string)[]
}

export interface KeyBuckets {
  key: string
  at: number[]
  kind: number[]
  value: (number | string | [number, number])[]
}

/** What the storing thread does. Names of devices and keys never become members of an object on the way. */
export interface StoreCalls {
  open: { ask: { device: string }; answer: { id: number; key: string }[] }
  latest: { ask: { device: string }; answer: { keys: string[]; points: Columns } }
  range: {
    ask: {
      device: string
      keys: readonly string[] | undefined
      from: number
      to: number
      step: number
      aggregate: AggregateName
    }
    answer: { series: KeyBuckets[]; mismatch: string[] }
  }
  raw: {
    ask: {
      device: string
      keys: readonly string[] | undefined
      from: number
      to: number
      limit: number
      /** Only points beyond this place. */
      after: { at: number; key: string } | undefined
    }
    answer: { keys: string[]; points: Columns; more: boolean }
  }
  committed: {
    ask: { after: number; limit: number }
    /** `ends[i]` is the number of points up to the end of record i, `seqs[i]` the number of its last point. */
    answer: { devices: string[]; keys: string[]; points: Columns; ends: number[]; seqs: number[]; seen: number }
  }
  deleteDevice: { ask: { device: string }; answer: undefined }
  retain: { ask: Retention; answer: RetentionResult & { more: boolean } }
  hold: { ask: { follower: string; seq: number | undefined }; answer: undefined }
  devices: { ask: { after: string; limit: number }; answer: string[] }
  stats: { ask: undefined; answer: Omit<TelemetryStats, 'bytes'> }
  /**
   * Seals what is due; `sweep` looks for what is old too, `last` only for what the log may let go of, be it little. Answers that, how
   * many more points are hot than may be, and whether there is more to seal.
   */
  tend: {
    ask: { sweep: boolean; last: boolean }
    answer: { trim: LogCalls['trim']['ask'] | undefined; behind: number; more: boolean }
  }
  /** The log has let go of it. */
  trimmed: { ask: LogCalls['trim']['ask']; answer: undefined }
  close: { ask: undefined; answer: undefined }
}

export interface TelemetryWorkerData {
  file: string
  durability: 'full' | 'relaxed'
  seal: SealLimits
}
