import { createKeyedTurns } from '@patchbay/core/keyed-turns'
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
import type { Db } from 'mongodb'
import { StoreMisused } from '../sqlite/errors.ts'
import type { SealLimits } from '../sqlite/seal-queue.ts'
import { SeriesBook, type IdRange } from '../sqlite/series-book.ts'
import { MAX_READ_POINTS } from '../sqlite/sqlite-telemetry.ts'
import { readRawCursor, toLatest, toRangeAnswer, toRawAnswer } from '../sqlite/telemetry-answers.ts'
import { bytesOf } from './bytes.ts'
import { CommitLog } from './commit-log.ts'
import { createCommittedRead, type CommittedRead } from './committed-read.ts'
import { Gate } from './gate.ts'
import { createGrowth, type Growth } from './growth.ts'
import { Housekeeping } from './housekeeping.ts'
import { createRetention, type RetentionWork } from './retention.ts'
import { createRollupWork } from './rollup-work.ts'
import { SealPlan } from './seal-plan.ts'
import { createSealing, sealAll } from './sealing.ts'
import { refillIds, takeIds } from './series-ids.ts'
import { telemetryCollectionNames, telemetryCollections, type TelemetryCollections } from './telemetry-documents.ts'
import { createSlowAnswer } from './slow-answer.ts'
import { devicesAfter } from './telemetry-reader.ts'
import { createTelemetryReads, type TelemetryReads } from './telemetry-reads.ts'
import type { SharedWriter } from './shared-writer.ts'
import { findEnd } from './writer.ts'

/** Pieces of work that may wait for one device. */
const MAX_TURNS = 1_000

/** How often one writer looks where the logs of the others end. */
const FOLLOW_MS = 200

/** What a writer knows of the others. */
export interface TelemetrySharing extends SharedWriter {
  /** The node of this writer is there: what it stores now is as good as committed. */
  isLive(writer: string): boolean
  /** This node does what must be done by one. */
  mayRollUp(): boolean
}

export interface MongoTelemetryParts {
  db: Db
  writer: string
  lastSeries: number
  /** Where the log of each other writer ends. */
  ends: CommitCursor
  lastSeq: number
  lease: { release(): Promise<void> }
  seal: SealLimits
  /** Other writers have the database open, too. */
  sharing?: TelemetrySharing | undefined
  /** With `sharing`: the ids of series that are this writer's to give. */
  ids?: IdRange | undefined
}

/** The telemetry port over the documents of one database. */
export class MongoTelemetry implements TelemetryStore {
  readonly writer: string
  readonly #db: Db
  readonly #collections: TelemetryCollections
  readonly #ends: CommitCursor
  readonly #lease: { release(): Promise<void> }
  readonly #gate = new Gate()
  readonly #book: SeriesBook
  /** By series id; kept for all that were ever open. */
  readonly #deviceOf: (string | undefined)[] = []
  readonly #log: CommitLog
  readonly #plan: SealPlan
  readonly #keeping: Housekeeping
  readonly #reads: TelemetryReads
  readonly #committed: CommittedRead
  readonly #retention: RetentionWork
  readonly #growth: Growth
  readonly #sharing: TelemetrySharing | undefined
  readonly #refill: () => void = () => undefined
  readonly #records: number
  #following: NodeJS.Timeout | undefined
  readonly #counts = createSlowAnswer(() => this.#growth.counts(this.#log.lastSeq, Date.now()))
  readonly #turns = createKeyedTurns({
    maxWaiting: MAX_TURNS,
    full: (device) => new StoreUnavailable(`too much waits for the documents of ${device}`),
  })
  /** Devices whose series are being read, or deleted. */
  readonly #loading = new Map<string, Promise<void>>()
  readonly #deleting = new Map<string, Promise<void>>()
  #closing: Promise<void> | undefined

  constructor({ db, writer, lastSeries, ends, lastSeq, lease, seal, sharing, ids }: MongoTelemetryParts) {
    this.#sharing = sharing
    this.#records = seal.records
    this.#db = db
    this.writer = writer
    this.#ends = ends
    this.#lease = lease
    this.#collections = telemetryCollections(db)
    this.#book = ids ? new SeriesBook(ids.from - 1, ids.to) : new SeriesBook(lastSeries)
    if (ids) this.#refill = refillIds(this.#book, () => takeIds(this.#collections))
    this.#plan = new SealPlan(seal)
    this.#log = new CommitLog({
      collections: this.#collections,
      writer,
      lastSeq,
      deviceOf: (series) => this.#deviceOf[series],
      shared: sharing,
      committed: (documents) => {
        const nowMs = Date.now()
        for (const { d, n } of documents) this.#plan.grown(d, n, nowMs)
        this.#keeping.wake()
      },
    })
    const isCommitted = (of: string, seq: number): boolean => {
      if (of === writer) return seq <= this.#log.lastSeq
      // What a node that is gone has left behind its mark was never answered.
      return !sharing || seq <= (this.#ends[of] ?? 0) || sharing.isLive(of)
    }
    this.#reads = createTelemetryReads(this.#collections, isCommitted)
    this.#committed = createCommittedRead(this.#collections)
    this.#retention = createRetention(this.#collections)
    this.#growth = createGrowth(this.#collections, writer)
    this.#keeping = new Housekeeping({
      plan: this.#plan,
      sealing: createSealing(this.#collections, seal.records, isCommitted, sharing && writer),
      rollups: createRollupWork(this.#collections, isCommitted),
      turns: this.#turns,
      rollupAfterMs: seal.rollupAfterMs,
      mayRollUp: () => sharing?.mayRollUp() ?? true,
      mark: () => this.#log.mark(),
      sample: () => this.#growth.sample(this.#log.lastSeq, Date.now()),
    })
  }

  /** What is hot since before the start is counted, and what was begun is gone on with. */
  async start(): Promise<void> {
    const { hot, devices } = this.#collections
    const nowMs = Date.now()
    // Others seal their own.
    const own = this.#sharing ? { _id: { $gte: `${this.writer}/`, $lt: `${this.writer}0` } } : {}
    for await (const { d, n, t } of hot
      .find(own)
      .project<{ d: string; n: number[]; t: number }>({ d: 1, n: 1, t: 1 })) {
      this.#plan.grown(d, n, Math.min(nowMs, t))
    }
    const leaving = await devices.find({ leaving: true }).project({ _id: 1 }).toArray()
    for (const { _id } of leaving) await this.#erase(String(_id))
    await this.#growth.sample(this.#log.lastSeq, nowMs)
    this.#keeping.wake()
    if (!this.#sharing) return
    const follow = (): void => {
      this.#following = setTimeout(() => void this.#follow().finally(follow), FOLLOW_MS).unref()
    }
    follow()
  }

  /** Where the logs of the others end now. */
  async #follow(): Promise<void> {
    if (this.#gate.closed) return
    try {
      const others = await this.#collections.writers
        .find({ _id: { $ne: this.writer } })
        .project<{ _id: string; to: number }>({ to: 1 })
        .toArray()
      for (const { _id, to } of others) this.#ends[_id] = Math.max(to, this.#ends[_id] ?? 0)
    } catch {
      // MongoDB is away: nobody commits meanwhile.
    }
  }

  openDevice(device: string): Promise<DeviceSeries> {
    return this.#gate.pass(() => this.#open(device))
  }

  addSeries(device: DeviceSeries, key: string): number {
    const known = device.keys.get(key)
    if (known !== undefined) return known
    const id = this.#book.add(device, key)
    this.#deviceOf[id] = device.device
    this.#refill()
    return id
  }

  releaseDevice(device: DeviceSeries): void {
    this.#book.release(device)
  }

  append(batch: Batch): Promise<number> {
    return this.#gate.pass(async () => {
      const definitions = this.#book.check(batch)
      if (batch.length === 0) return 0
      for (let i = 0; i < batch.length; i++) {
        if (this.#deviceOf[batch.series[i] ?? 0] === undefined) throw new StoreMisused(`row ${i} is of no open device`)
      }
      // A device that is being deleted begins anew behind that.
      for (const { device } of definitions) await settled(this.#deleting.get(device))
      if (this.#plan.full) await this.#keeping.room()
      const last = await this.#log.append(batch, definitions)
      this.#book.committed(definitions)
      return last
    })
  }

  latest(device: string, options: ReadOptions = {}): Promise<Record<string, { at: number; value: PointJson }>> {
    return this.#gate.pass(async () => toLatest(await this.#reads.latest(device, options)))
  }

  range(query: RangeQuery, options: ReadOptions = {}): Promise<RangeAnswer> {
    return this.#gate.pass(async () => {
      checkTimes(query.from, query.to)
      if (!Number.isSafeInteger(query.step) || query.step < 1) throw new StoreMisused(`not a step: ${query.step}`)
      return toRangeAnswer(await this.#reads.range(query, options))
    })
  }

  raw(query: RawQuery, options: ReadOptions = {}): Promise<{ items: Point[]; nextCursor?: string }> {
    return this.#gate.pass(async () => {
      const { device, keys, from, to } = query
      checkTimes(from, to)
      const after = query.cursor === undefined ? undefined : readRawCursor(query.cursor)
      const limit = toLimit(query.limit)
      return toRawAnswer(await this.#reads.raw({ device, keys, from, to, limit, after }, options))
    })
  }

  end(): CommitCursor {
    return { ...this.#ends, [this.writer]: this.#log.lastSeq }
  }

  readCommitted(
    cursor: CommitCursor,
    limit: number,
    options: ReadOptions = {},
  ): Promise<{ records: CommittedRecord[]; cursor: CommitCursor }> {
    return this.#gate.pass(() => this.#committed.read(cursor, toLimit(limit), this.end(), options))
  }

  async deleteDevice(device: string): Promise<void> {
    const before = this.#deleting.get(device) ?? this.#loading.get(device)
    if (before) {
      await settled(before)
      return this.deleteDevice(device)
    }
    const deletion = this.#gate.pass(() => this.#delete(device))
    this.#deleting.set(device, deletion)
    try {
      await deletion
    } finally {
      this.#deleting.delete(device)
    }
  }

  retain(retention: Retention): Promise<RetentionResult> {
    return this.#gate.pass(async () => {
      checkTimes(retention.before, retention.unreadBefore)
      const result = await this.#turns(retention.device, () => this.#retention.drop(retention))
      if (result.dropped > 0) this.#committed.forget()
      return result
    })
  }

  holdCommitted(follower: string, cursor: CommitCursor | undefined): Promise<void> {
    return this.#gate.pass(() => this.#retention.hold(follower, cursor))
  }

  devices(after: string, limit: number): Promise<string[]> {
    return this.#gate.pass(() => devicesAfter(this.#collections, after, toLimit(limit)))
  }

  /** Brings the log of a node that is gone to its end, and packs what it has left, until it is told to stop. */
  adopt(writer: string, stop: () => boolean): Promise<void> {
    return this.#gate.pass(async () => {
      const end = await findEnd(this.#collections, writer)
      this.#ends[writer] = Math.max(end, this.#ends[writer] ?? 0)
      await sealAll(this.#collections, { writer, records: this.#records, turns: this.#turns, stop })
    })
  }

  stats(): Promise<TelemetryStats> {
    return this.#gate.pass(async () => {
      const [bytes, counts] = await Promise.all([bytesOf(this.#db, telemetryCollectionNames), this.#counts()])
      return { bytes, ...counts }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearTimeout(this.#following)
    await this.#gate.close()
    await this.#log.settled()
    await this.#keeping.close()
    // Where MongoDB is away the next start finds the end of the log by itself.
    await this.#log.mark().catch(() => undefined)
    await this.#lease.release()
  }

  async #open(device: string): Promise<DeviceSeries> {
    for (;;) {
      const held = this.#book.hold(device)
      if (held) return held
      const deleting = this.#deleting.get(device)
      if (deleting) await settled(deleting)
      else await this.#load(device)
    }
  }

  async #load(device: string): Promise<void> {
    const underWay = this.#loading.get(device)
    if (underWay) return underWay
    const load = this.#collections.devices.findOne({ _id: device }).then((found) => {
      const series = found && !found.leaving ? (found.series ?? []).map(({ k, n }) => ({ id: n, key: k })) : []
      for (const { id } of series) this.#deviceOf[id] = device
      this.#book.put(device, series)
    })
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
      await this.#log.settled()
      await this.#turns(device, () => this.#erase(device))
    } catch (error) {
      restore()
      throw error
    }
  }

  /** Marked first: a deletion that is cut short is gone on with at the next start. */
  async #erase(device: string): Promise<void> {
    const { hot, chunks, devices, rollups, changed } = this.#collections
    const { matchedCount } = await devices.updateOne({ _id: device }, { $set: { leaving: true } })
    if (matchedCount === 0) return
    await Promise.all([hot, chunks, rollups, changed].map((each) => each.deleteMany({ d: device })))
    await devices.deleteOne({ _id: device, leaving: true })
    this.#plan.sealed(device)
    this.#committed.forget()
  }
}

/** Waits for the end of somebody else's work, whose failure is theirs. */
async function settled(work: Promise<void> | undefined): Promise<void> {
  await Promise.allSettled([work])
}

function checkTimes(from: number, to: number): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) throw new StoreMisused(`not times: ${from}, ${to}`)
}

function toLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) throw new StoreMisused(`not a limit: ${limit}`)
  return Math.min(limit, MAX_READ_POINTS)
}
