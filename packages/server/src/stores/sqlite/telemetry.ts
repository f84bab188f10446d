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
import type { Durability } from './database-file.ts'
import { StoreMisused } from './errors.ts'
import { toOwned } from './owned-batch.ts'
import { fileBytes, makePrivateFile } from './private-file.ts'
import { defaultSealLimits, type SealLimits } from './seal-queue.ts'
import { SeriesBook } from './series-book.ts'
import { readRawCursor, toLatest, toRangeAnswer, toRawAnswer, toRecords } from './telemetry-answers.ts'
import type { ReaderCalls, TelemetryWorkerData, WriterCalls, WriterOpened } from './telemetry-calls.ts'
import { OnDemandLink } from './on-demand-link.ts'
import { WorkerLink } from './worker-link.ts'

export interface SqliteTelemetryOptions {
  file: string
  durability: Durability
  /** For tests and measurements. */
  seal?: Partial<SealLimits>
  /** One of the store's threads died; nothing works any more. */
  onFatal?: (error: Error) => void
}

/** Points that may wait for their commit; those beyond are told to come later. */
export const MAX_WAITING_POINTS = 1_000_000
/** Points that one raw or committed read answers at most, whatever it is asked. */
export const MAX_READ_POINTS = 50_000
const WRITER_HEAP_MB = 128
const READER_HEAP_MB = 256

/** Opens (or makes) the telemetry in one SQLite file, with one thread that writes and one that reads. */
export async function openSqliteTelemetry(options: SqliteTelemetryOptions): Promise<TelemetryStore> {
  const { file } = options
  await makePrivateFile(file)
  const seal = { ...defaultSealLimits, ...options.seal }
  const data: TelemetryWorkerData = { file, durability: options.durability, seal }
  let open = false
  const onFatal = (error: Error) => {
    // Both threads go when one has: a store that takes points but shows none would look healthy.
    if (!open) return
    open = false
    void writer.terminate()
    void reader.terminate()
    options.onFatal?.(error)
  }
  const link = { file, data, onFatal }
  const writer = new WorkerLink<WriterCalls>({
    ...link,
    entry: new URL('./telemetry-writer-worker.ts', import.meta.url),
    heapMb: WRITER_HEAP_MB,
  })
  const reader = new OnDemandLink<ReaderCalls>(
    () =>
      new WorkerLink<ReaderCalls>({
        ...link,
        entry: new URL('./telemetry-reader-worker.ts', import.meta.url),
        heapMb: READER_HEAP_MB,
      }),
    onFatal,
  )
  const opened = await writer.opened<WriterOpened>()
  open = true
  return new SqliteTelemetry(file, writer, reader, opened)
}

class SqliteTelemetry implements TelemetryStore {
  readonly writer: string
  readonly #file: string
  readonly #writer: WorkerLink<WriterCalls>
  readonly #reader: OnDemandLink<ReaderCalls>
  readonly #book: SeriesBook
  /** Devices whose series are being read from disk, or deleted. */
  readonly #loading = new Map<string, Promise<void>>()
  readonly #deleting = new Map<string, Promise<void>>()
  #waitingPoints = 0

  constructor(file: string, writer: WorkerLink<WriterCalls>, reader: OnDemandLink<ReaderCalls>, opened: WriterOpened) {
    this.#file = file
    this.#writer = writer
    this.#reader = reader
    this.writer = opened.writer
    this.#book = new SeriesBook(opened.lastSeries)
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
    return this.#book.add(device, key)
  }

  releaseDevice(device: DeviceSeries): void {
    this.#book.release(device)
  }

  async append(batch: Batch): Promise<void> {
    const { length } = batch
    const definitions = this.#book.check(batch)
    if (length === 0) return
    if (this.#waitingPoints + length > MAX_WAITING_POINTS) {
      throw new StoreUnavailable('too many points wait to be stored')
    }
    const { owned, transfer } = toOwned(batch)
    this.#waitingPoints += length
    try {
      await this.#writer.call('append', { batch: owned, definitions }, { transfer })
      this.#book.committed(definitions)
    } finally {
      this.#waitingPoints -= length
    }
  }

  async latest(device: string, options: ReadOptions = {}): Promise<Record<string, { at: number; value: PointJson }>> {
    return toLatest(await this.#reader.call('latest', { device }, options))
  }

  async range(query: RangeQuery, options: ReadOptions = {}): Promise<RangeAnswer> {
    const { device, keys, from, to, step, aggregate } = query
    checkTimes(from, to)
    if (!Number.isSafeInteger(step) || step < 1) throw new StoreMisused(`not a step: ${step}`)
    return toRangeAnswer(await this.#reader.call('range', { device, keys, from, to, step, aggregate }, options))
  }

  async raw(query: RawQuery, options: ReadOptions = {}): Promise<{ items: Point[]; nextCursor?: string }> {
    const { device, keys, from, to } = query
    checkTimes(from, to)
    const after = query.cursor === undefined ? undefined : readRawCursor(query.cursor)
    const limit = toLimit(query.limit)
    return toRawAnswer(await this.#reader.call('raw', { device, keys, from, to, limit, after }, options))
  }

  async readCommitted(
    cursor: CommitCursor,
    limit: number,
    options: ReadOptions = {},
  ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }> {
    const after = Object.hasOwn(cursor, this.writer) ? (cursor[this.writer] ?? 0) : 0
    const answer = await this.#reader.call('committed', { after, limit: toLimit(limit) }, options)
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
    for (let more = true; more;) {
      const step = await this.#writer.call('retain', retention)
      all.dropped += step.dropped
      all.unread += step.unread
      more = step.more
    }
    return all
  }

  async holdCommitted(follower: string, cursor: CommitCursor | undefined): Promise<void> {
    const seq = cursor && (Object.hasOwn(cursor, this.writer) ? (cursor[this.writer] ?? 0) : 0)
    await this.#writer.call('hold', { follower, seq })
  }

  async stats(): Promise<TelemetryStats> {
    const [bytes, counts] = await Promise.all([fileBytes(this.#file), this.#writer.call('stats', undefined)])
    return { bytes, ...counts }
  }

  async close(): Promise<void> {
    // The reader first: its open file would keep the log from being emptied into the database.
    await this.#reader.close()
    await this.#writer.close()
  }

  async #load(device: string): Promise<void> {
    const underWay = this.#loading.get(device)
    if (underWay) return underWay
    const load = this.#reader.call('open', { device }).then((series) => this.#book.put(device, series))
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
      await this.#writer.call('deleteDevice', { device })
    } catch (error) {
      restore()
      throw error
    }
    await this.#reader.call('forget', undefined)
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
