import type { AggregateName, Batch, Retention, RetentionResult, TelemetryStats } from '@patchbay/core/telemetry/port'

import type { SealLimits } from './seal-queue.ts'

export interface SeriesDefinition {
  id: number
  device: string
  key: string
}

/** What the writing thread does. */
export interface WriterCalls {
  append: { ask: { batch: Batch; definitions: SeriesDefinition[] }; answer: undefined }
  deleteDevice: { ask: { device: string }; answer: undefined }
  retain: { ask: Retention; answer: RetentionResult & { more: boolean } }
  hold: { ask: { follower: string; seq: number | undefined }; answer: undefined }
  stats: { ask: undefined; answer: Omit<TelemetryStats, 'bytes'> }
  close: { ask: undefined; answer: undefined }
}

export interface WriterOpened {
  writer: string
  /** The highest series id that is or was in use. */
  lastSeries: number
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

/** What the reading thread does. Names of devices and keys never become members of an object on the way. */
export interface ReaderCalls {
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
  /** Names of series may have changed. */
  forget: { ask: undefined; answer: undefined }
  close: { ask: undefined; answer: undefined }
}

export interface TelemetryWorkerData {
  file: string
  durability: 'full' | 'relaxed'
  seal: SealLimits
}
