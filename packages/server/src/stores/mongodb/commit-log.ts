import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Batch } from '@patchbay/core/telemetry/port'
import { MongoBulkWriteError } from 'mongodb'
import type { SeriesDefinition } from '../sqlite/telemetry-calls.ts'
import { isDuplicate, toUnavailable } from './failure.ts'
import type { SharedWriter } from './shared-writer.ts'
import { nameSeries } from './series-ids.ts'
import { toHotDocuments } from './hot-rows.ts'
import { hotPlace, type HotDocument, type TelemetryCollections } from './telemetry-documents.ts'

/** Points of one group, unless one batch has more. */
const MAX_GROUP_POINTS = 5_000
/** Points and characters that may wait for their commit; those beyond are told to come later. */
export const MAX_WAITING_POINTS = 500_000
const MAX_WAITING_TEXT = 32 * 1024 * 1024
/** What a batch waits for a MongoDB that is away, before its sender is refused: less than the 10 s after which senders are cut. */
const GIVE_UP_MS = 7_000
const RETRY_MS = 250
/** The mark that others follow trails behind the commits by so much. */
const MARK_EVERY_MS = 100

interface Waiting {
  batch: Batch
  definitions: readonly SeriesDefinition[]
  text: number
  sinceMs: number
  resolve(last: number): void
  reject(error: unknown): void
}

export interface CommitLogOptions {
  collections: TelemetryCollections
  writer: string
  lastSeq: number
  deviceOf(series: number): string | undefined
  /** Other writers may name series of the same devices at the same time, and this one may be declared gone. */
  shared: SharedWriter | undefined
  /** Points are durable, as so many documents of so many devices. */
  committed(documents: readonly HotDocument[]): void
}

/**
 * Commits what is given, one group after the other, each durable by the majority's journal before it is answered. A group whose outcome is
 * not known is written again under the same ids; one that is given up is deleted before the next, so that what was refused is not stored.
 */
export class CommitLog {
  readonly #collections: TelemetryCollections
  readonly #writer: string
  readonly #deviceOf: (series: number) => string | undefined
  readonly #committed: (documents: readonly HotDocument[]) => void
  #waiting: Waiting[] = []
  #points = 0
  #text = 0
  #lastSeq: number
  /** The highest number that a group was tried with. */
  #triedSeq: number
  #lastMs = 0
  /** The group that was given up, by its first number; some of it may be there. */
  #abandoned: number | undefined
  #running: Promise<void> | undefined
  #marked: number
  #marking: Promise<void> | undefined
  readonly #shared: SharedWriter | undefined
  /** Series whose key another writer had named first, by our id. */
  #known: Map<number, number> | undefined

  constructor({ collections, writer, lastSeq, deviceOf, committed, shared }: CommitLogOptions) {
    this.#shared = shared
    this.#collections = collections
    this.#writer = writer
    this.#lastSeq = lastSeq
    this.#triedSeq = lastSeq
    this.#marked = lastSeq
    this.#deviceOf = deviceOf
    this.#committed = committed
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  append(batch: Batch, definitions: readonly SeriesDefinition[]): Promise<number> {
    const text = batch.text.reduce((sum, each) => sum + each.length, 0)
    if (this.#points + batch.length > MAX_WAITING_POINTS || this.#text + text > MAX_WAITING_TEXT) {
      return Promise.reject(new StoreUnavailable('too many points wait to be stored'))
    }
    this.#points += batch.length
    this.#text += text
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, definitions, text, sinceMs: performance.now(), resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when all that was given before is answered. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Resolves when others can see, by the mark, all that is committed now. */
  async mark(): Promise<void> {
    while (this.#marking) await this.#marking
    const to = this.#lastSeq
    if (to === this.#marked) return
    await this.#collections.writers.updateOne({ _id: this.#writer }, { $max: { to } })
    this.#marked = to
  }

  async #run(): Promise<void> {
    // What is given in the same turn is one group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#take()
      try {
        await this.#clean()
        await this.#define(group)
        const last = await this.#write(group)
        for (const each of group) this.#answer(each)
        for (const each of group) each.resolve((last.next += each.batch.length))
      } catch (error) {
        this.#refuse(group, error)
        if (this.#waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    this.#running = undefined
  }

  #take(): Waiting[] {
    let points = 0
    let count = 0
    for (const { batch } of this.#waiting) {
      if (count > 0 && points + batch.length > MAX_GROUP_POINTS) break
      points += batch.length
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  #answer({ batch, text }: Waiting): void {
    this.#points -= batch.length
    this.#text -= text
  }

  /** Those that have waited long enough are told; the others go first next time. */
  #refuse(group: Waiting[], error: unknown): void {
    const reason = toUnavailable(error)
    const nowMs = performance.now()
    const tries = reason instanceof StoreUnavailable
    const [late, early]: [Waiting[], Waiting[]] = [[], []]
    for (const each of [...group, ...this.#waiting]) {
      const over = !tries && group.includes(each)
      ;(over || nowMs - each.sinceMs > GIVE_UP_MS ? late : early).push(each)
    }
    this.#waiting = early
    for (const each of late) {
      this.#answer(each)
      each.reject(reason)
    }
  }

  async #clean(): Promise<void> {
    const first = this.#abandoned
    if (first === undefined) return
    const place = hotPlace(this.#writer, first)
    await this.#collections.hot.deleteMany({ _id: { $gte: place, $lt: hotPlace(this.#writer, first + 1) } })
    this.#abandoned = undefined
  }

  /** Names of new series are durable before their points; a name without points hurts nobody. */
  async #define(group: readonly Waiting[]): Promise<void> {
    const definitions = group.flatMap((each) => each.definitions)
    if (definitions.length === 0) return
    const keep = (id: number, there: number) => (this.#known ??= new Map()).set(id, there)
    if (this.#shared) return nameSeries(this.#collections, definitions, keep)
    const { meta, devices } = this.#collections
    const last = definitions.reduce((most, { id }) => Math.max(most, id), 0)
    await meta.updateOne({ _id: 'series' }, { $max: { last } }, { upsert: true })
    await devices.bulkWrite(
      [...Map.groupBy(definitions, ({ device }) => device)].map(([device, series]) => ({
        updateOne: {
          filter: { _id: device },
          update: { $addToSet: { series: { $each: series.map(({ id, key }) => ({ k: key, n: id })) } } },
          upsert: true,
        },
      })),
    )
  }

  async #write(group: readonly Waiting[]): Promise<{ next: number }> {
    const first = this.#triedSeq + 1
    const batches = group.map(({ batch }) => batch)
    this.#lastMs = Math.max(this.#lastMs, this.#shared?.nowMs() ?? Date.now())
    const about = { writer: this.#writer, first, nowMs: this.#lastMs }
    const documents = toHotDocuments(batches, about, this.#deviceOf, this.#known)
    const last = batches.reduce((sum, { length }) => sum + length, first - 1)
    this.#triedSeq = last
    // Of a first try a duplicate would be somebody else's document; of a later one it is ours.
    const until = performance.now() + GIVE_UP_MS / 2
    let there = false
    for (let tries = 1; ; tries++) {
      try {
        if (!there) await this.#insert(documents, tries)
        there = true
        // What was there already is the majority's once a later write is.
        if (tries > 1) await this.#collections.writers.updateOne({ _id: this.#writer }, { $max: { to: last } })
        break
      } catch (error) {
        if (performance.now() > until || (tries === 1 && isDuplicate(error))) {
          this.#abandoned = first
          throw error
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    if (this.#shared && !this.#shared.isSure()) {
      // Others may have closed this writer's log before these points: they were then not seen by anybody.
      this.#abandoned = first
      throw new StoreUnavailable('this node does not know whether the others still count on it')
    }
    this.#lastSeq = last
    this.#committed(documents)
    this.#markLater()
    return { next: first - 1 }
  }

  async #insert(documents: HotDocument[], tries: number): Promise<void> {
    try {
      await this.#collections.hot.insertMany(documents, { ordered: tries === 1 })
    } catch (error) {
      if (tries === 1 || !isOnlyDuplicates(error)) throw error
    }
  }

  #markLater(): void {
    this.#marking ??= new Promise<void>((resolve) => setTimeout(resolve, MARK_EVERY_MS))
      .then(() => {
        this.#marking = undefined
        return this.mark()
      })
      // MongoDB is away: the next commit marks, and a start finds the end of the log by itself.
      .catch(() => undefined)
  }
}

function isOnlyDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return false
  const errors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
  return errors.length > 0 && errors.every(({ code }) => code === 11_000)
}
