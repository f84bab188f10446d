import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type {
  Batch,
  CommitCursor,
  CommittedRecord,
  DeviceSeries,
  Point,
  PointJson,
  RangeAnswer,
  RangeQuery,
  RawQuery,
  ReadOptions,
  Retention,
  RetentionResult,
  TelemetryStats,
  TelemetryStore,
} from '@patchbay/core/telemetry/port'
import { StoreMisused } from './errors.ts'
import { hotFileOf } from './hot-file.ts'
import type { HotKeeper } from './hot-keeper.ts'
import { LatestValues } from './latest-values.ts'
import type { OnDemandLink } from './on-demand-link.ts'
import { packRows } from './packed-rows.ts'
import { fileBytes } from './private-file.ts'
import { SeriesBook } from './series-book.ts'
import { readRawCursor, toLatest, toRangeAnswer, toRawAnswer, toRecords } from './telemetry-answers.ts'
import type { LogCalls, LogOpened, StoreCalls } from './telemetry-calls.ts'
import type { WorkerLink } from './worker-link.ts'

/** Points that may wait for their commit; those beyond are told to come later. */
export const MAX_WAITING_POINTS = 1_000_000
/** Points that one raw or committed read answers at most, whatever it is asked. */
export const MAX_READ_POINTS = 50_000

/** The telemetry port over the two threads. */
export class SqliteTelemetry implements TelemetryStore {
  readonly writer: string
  readonly #file: string
  readonly #log: WorkerLink<LogCalls>
  readonly #store: OnDemandLink<StoreCalls>
  readonly #hot: HotKeeper
  readonly #book: SeriesBook
  readonly #latest = new LatestValues()
  /** Devices whose series are being read from disk, or deleted. */
  readonly #loading = new Map<string, Promise<void>>()
  readonly #deleting = new Map<string, Promise<void>>()
  #waitingPoints = 0
  #lastSeq: number
  #closing: Promise<void> | undefined

  constructor(
    file: string,
    log: WorkerLink<LogCalls>,
    store: OnDemandLink<StoreCalls>,
    opened: LogOpened,
    hot: HotKeeper,
  ) {
    this.#file = file
    this.#log = log
    this.#store = store
    this.#hot = hot
    this.writer = opened.writer
    this.#book = new SeriesBook(opened.lastSeries)
    this.#lastSeq = opened.lastSeq
  }

  async openDevice(device: string): Promise<DeviceSeries> {
    for (;;) {
      const held = this.#book.hold(device)
      if (held) return held
      const deleting = this.#deleting.get(device)
      if (deleting) await settled(deleting)
      else await this.#load(device)
    }
  }

  addSeries(device: DeviceSeries, key: string): number {
    const known = device.keys.get(key)
    if (known !== undefined) return known
    const id = this.#book.add(device, key)
    this.#latest.made(id)
    return id
  }

  releaseDevice(device: DeviceSeries): void {
    this.#book.release(device)
  }

  async append(batch: Batch): Promise<number> {
    const { length } = batch
    const definitions = this.#book.check(batch)
    if (length === 0) return 0
    if (this.#waitingPoints + length > MAX_WAITING_POINTS) {
      throw new StoreUnavailable('too many points wait to be stored')
    }
    const body = packRows(batch)
    this.#waitingPoints += length
    try {
      if (this.#hot.full) await this.#hot.room()
      const ask = { body, text: batch.text, definitions }
      const last = await this.#log.call('append', ask, { transfer: [body.buffer] })
      this.#book.committed(definitions)
      this.#hot.committed(length)
      this.#latest.committed(batch)
      if (last > this.#lastSeq) this.#lastSeq = last
      return last
    } finally {
      this.#waitingPoints -= length
    }
  }

  async latest(device: string, options: ReadOptions = {}): Promise<Record<string, { at: number; value: PointJson }>> {
    const keys = this.#book.keysOf(device)
    const known = keys && this.#closing === undefined ? this.#latest.of(keys) : undefined
    if (known) {
      // Whoever goes in the same turn is no longer answered.
      await Promise.resolve()
      if (!options.signal?.aborted) return known
    }
    // What is asked for once is asked for again: its keys stay at hand with those of devices that have left.
    if (!keys) this.releaseDevice(await this.openDevice(device))
    const { epoch } = this.#latest
    const latest = toLatest(await this.#store.call('latest', { device }, options))
    const now = this.#book.keysOf(device)
    // A key that came meanwhile may have been committed after the answer: then it is known by itself.
    if (now) this.#latest.learn(now, latest, epoch)
    return latest
  }

  async range(query: RangeQuery, options: ReadOptions = {}): Promise<RangeAnswer> {
    const { device, keys, from, to, step, aggregate } = query
    checkTimes(from, to)
    if (!Number.isSafeInteger(step) || step < 1) throw new StoreMisused(`not a step: ${step}`)
    return toRangeAnswer(await this.#store.call('range', { device, keys, from, to, step, aggregate }, options))
  }

  async raw(query: RawQuery, options: ReadOptions = {}): Promise<{ items: Point[]; nextCursor?: string }> {
    const { device, keys, from, to } = query
    checkTimes(from, to)
    const after = query.cursor === undefined ? undefined : readRawCursor(query.cursor)
    const limit = toLimit(query.limit)
    return toRawAnswer(await this.#store.call('raw', { device, keys, from, to, limit, after }, options))
  }

  end(): CommitCursor {
    return { [this.writer]: this.#lastSeq }
  }

  async readCommitted(
    cursor: CommitCursor,
    limit: number,
    options: ReadOptions = {},
  ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }> {
    const after = Object.hasOwn(cursor, this.writer) ? (cursor[this.writer] ?? 0) : 0
    const answer = await this.#store.call('committed', { after, limit: toLimit(limit) }, options)
    return {
      records: toRecords(this.writer, answer),
      cursor: { ...cursor, [this.writer]: Math.max(after, answer.seen) },
    }
  }

  async deleteDevice(device: string): Promise<void> {
    const before = this.#deleting.get(device) ?? this.#loading.get(device)
    if (before) {
      await settled(before)
      return this.deleteDevice(device)
    }
    const deletion = this.#delete(device)
    this.#deleting.set(device, deletion)
    try {
      await deletion
    } finally {
      this.#deleting.delete(device)
    }
  }

  async retain(retention: Retention): Promise<RetentionResult> {
    checkTimes(retention.before, retention.unreadBefore)
    const all = { dropped: 0, unread: 0 }
    const forget = () => this.#latest.forget(this.#book.keysOf(retention.device))
    forget()
    for (let more = true; more;) {
      const step = await this.#store.call('retain', retention)
      all.dropped += step.dropped
      all.unread += step.unread
      more = step.more
    }
    if (all.dropped > 0) forget()
    return all
  }

  async holdCommitted(follower: string, cursor: CommitCursor | undefined): Promise<void> {
    const seq = cursor && (Object.hasOwn(cursor, this.writer) ? (cursor[this.writer] ?? 0) : 0)
    await this.#store.call('hold', { follower, seq })
  }

  devices(after: string, limit: number): Promise<string[]> {
    return this.#store.call('devices', { after, limit: toLimit(limit) })
  }

  async stats(): Promise<TelemetryStats> {
    const [bytes, hotBytes, counts] = await Promise.all([
      fileBytes(this.#file),
      fileBytes(hotFileOf(this.#file)),
      this.#store.call('stats', undefined),
    ])
    return { bytes: bytes + hotBytes, ...counts }
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#hot.close()
    // The storing thread first: it has the log's file open, and that would keep it from being emptied.
    await this.#store.close()
    await this.#log.close()
  }

  async #load(device: string): Promise<void> {
    const underWay = this.#loading.get(device)
    if (underWay) return underWay
    const load = this.#store.call('open', { device }).then((series) => this.#book.put(device, series))
    this.#loading.set(device, load)
    try {
      await load
    } finally {
      this.#loading.delete(device)
    }
  }

  async #delete(device: string): Promise<void> {
    const restore = this.#book.drop(device)
    try {
      // Behind what was given before it: a commit that brings a new key would make the device anew.
      await this.#log.call('barrier', undefined)
      await this.#store.call('deleteDevice', { device })
    } catch (error) {
      restore()
      throw error
    }
  }
}

/** Waits for the end of somebody else's work, whose failure is theirs. */
async function settled(work: Promise<void>): Promise<void> {
  await Promise.allSettled([work])
}

function checkTimes(from: number, to: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) throw new StoreMisused(`not times: ${from}, ${to}`)
}

function toLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) throw new StoreMisused(`not a limit: ${limit}`)
  return Math.min(limit, MAX_READ_POINTS)
}
