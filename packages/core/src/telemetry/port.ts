/**
 * The telemetry store. Points are (device, key, time); the same point again replaces the earlier value. Times are integer microseconds
 * since 1970 in a float64 (exact to the year 2255).
 */

/** Kinds of a value; the numbers are stored, never change them. */
export const kinds = { number: 0, boolean: 1, text: 2, json: 3 } as const
export type Kind = (typeof kinds)[keyof typeof kinds]

/**
 * The series of one device, opened once per connection: `keys` maps a key to its series id. New keys are added here at once
 * (`addSeries`) and become durable with the first batch that uses them.
 */
export interface DeviceSeries {
  readonly device: string
  readonly keys: ReadonlyMap<string, number>
}

/**
 * A batch as columns; row i is one point. Rows of one record (all values of one device and time) stand together. `text` holds the
 * values of kind text and json in the order of their rows; `number` holds the others (a boolean as 0 or 1; unused for text and json).
 */
export interface Batch {
  length: number
  series: Uint32Array
  at: Float64Array
  kind: Uint8Array
  number: Float64Array
  text: string[]
}

export type PointJson = number | boolean | string | object

export interface Point {
  key: string
  at: number
  value: PointJson
}

export type AggregateName = 'avg' | 'min' | 'max' | 'minmax' | 'sum' | 'count' | 'first' | 'last'

/** One bucket. `at` is its start in µs. `minmax` answers value = [min, max]. */
export interface Bucket {
  at: number
  value: PointJson
}

export interface RangeQuery {
  device: string
  /** All keys of the device when left out. */
  keys?: readonly string[]
  /** Inclusive and exclusive, µs. */
  from: number
  to: number
  /** Bucket length in µs; buckets start at `from + n × step`. */
  step: number
  aggregate: AggregateName
}

/**
 * Answers numeric aggregates of a text key by `mismatch`: the keys that hold values, in the time asked for, which cannot be aggregated
 * so. A key without points in that time is left out.
 */
export interface RangeAnswer {
  series: Record<string, Bucket[]>
  mismatch: string[]
}

export interface RawQuery {
  device: string
  keys?: readonly string[]
  from: number
  to: number
  limit: number
  /** As answered before; ascending by time, then key. Anything else rejects with `CursorInvalid`. */
  cursor?: string
}

/** Where a reader of the committed log stands: per writer the highest sequence number that it has taken in. */
export type CommitCursor = Record<string, number>

/** All values of one (device, time) as they were committed together. */
export interface CommittedRecord {
  writer: string
  /** Sequence number of the record's last point; cursors hold it. */
  seq: number
  device: string
  at: number
  values: Record<string, PointJson>
}

export interface ReadOptions {
  /** Cancels the read when the caller goes: it rejects with `ReadCancelled`. A read too large to be answered rejects with `ReadTooLarge`. */
  signal?: AbortSignal
}

/** Times before which points and roll-ups go, µs. */
export interface RetentionTimes {
  /** Points older than this may go. Some of them stay a while: what is packed together goes together. */
  before: number
  /** Points older than this go even though a follower of the committed log has not yet read them. */
  unreadBefore: number
  /** Roll-ups of days before these times go; those left out stay. */
  tiers?: { minute?: number; hour?: number; day?: number }
}

export interface Retention extends RetentionTimes {
  device: string
  /** Keys for which other times count. */
  keys?: readonly ({ key: string } & RetentionTimes)[]
}

export interface RetentionResult {
  /** Points that went. */
  dropped: number
  /** Those of them that a follower had not yet read. */
  unread: number
}

export interface TelemetryStats {
  /** What lies on the disk. */
  bytes: number
  points: number
  series: number
  /** Points stored in the last day, or so many as that would be when the store is younger. */
  pointsPerDay: number
  /** Points that retention dropped before every follower of the committed log had read them, ever. */
  droppedUnread: number
}

export interface TelemetryStore {
  /** Name of this writer in the committed log; kept for the life of the data folder. */
  readonly writer: string
  /** The device's series from disk, cached while somebody holds them. Never rejects for an unknown device (no keys then). */
  openDevice(device: string): Promise<DeviceSeries>
  /** The id of a new or known key, at once. */
  addSeries(device: DeviceSeries, key: string): number
  /** The caller no longer needs the device's series. */
  releaseDevice(device: DeviceSeries): void
  /**
   * Durable when resolved. The store takes the batch's buffers over (they are transferred). Batches given while one is being
   * committed join the next commit. Rejects with StoreUnavailable, and then nothing of the batch is stored. Answers the sequence number
   * of the last row: the rows have consecutive numbers in the committed log (an empty batch has none and answers 0).
   */
  append(batch: Batch): Promise<number>
  /** The greatest time of each key. Sees everything whose append has resolved. */
  latest(device: string, options?: ReadOptions): Promise<Record<string, { at: number; value: PointJson }>>
  range(query: RangeQuery, options?: ReadOptions): Promise<RangeAnswer>
  raw(query: RawQuery, options?: ReadOptions): Promise<{ items: Point[]; nextCursor?: string }>
  /** Where the committed log ends now, from memory: at least everything whose append has resolved. */
  end(): CommitCursor
  /** Committed records after the cursor in commit order, at most `limit` points rounded up to whole records. */
  readCommitted(
    cursor: CommitCursor,
    limit: number,
    options?: ReadOptions,
  ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }>
  /** Drops every point and series of the device. */
  deleteDevice(device: string): Promise<void>
  /** Drops old points of one device; points that a registered follower has not read wait until `unreadBefore`. */
  retain(retention: Retention): Promise<RetentionResult>
  /** Where a follower of the committed log stands, kept over restarts: retention waits for it. Undefined forgets the follower. */
  holdCommitted(follower: string, cursor: CommitCursor | undefined): Promise<void>
  /** Devices that have points, or had them: those behind `after`, ascending, at most `limit`. */
  devices(after: string, limit: number): Promise<string[]>
  stats(): Promise<TelemetryStats>
  close(): Promise<void>
}
