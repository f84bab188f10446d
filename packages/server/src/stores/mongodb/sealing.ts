import type { KeyedTurns } from '@patchbay/core/keyed-turns'
import { readFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { fillFrames, framePoints } from '@patchbay/core/telemetry/codec/frame'
import { joinPoints, splitPoints, type PointColumns } from '@patchbay/core/telemetry/codec/point-columns'
import { kinds } from '@patchbay/core/telemetry/port'
import { MAX_CHUNK_POINTS, MIN_CHUNK_RECORDS } from '../sqlite/chunk-writer.ts'
import { MAX_POINTS } from '../sqlite/seal-queue.ts'
import { DAY, dayOf } from '../sqlite/tiers.ts'
import { changeDevice } from './device-change.ts'
import { toChunk } from './chunk-document.ts'
import { inTime, toColumns } from './hot-rows.ts'
import type {
  ChunkDocument,
  DeviceDocument,
  HotDocument,
  NewestPoint,
  TelemetryCollections,
} from './telemetry-documents.ts'

/** Hot documents of a device that are looked at together. */
const MAX_DOCUMENTS = 4_096

export interface Sealing {
  /** Moves the device's oldest points into chunks; answers how many left the hot documents. */
  seal(device: string): Promise<number>
}

/**
 * Moves points from hot documents into chunks. No step but the last takes anything away, and each may be killed: the chunks are written,
 * then the device's document says up to which number it is sealed, then the hot documents go. What a kill has left in chunks beyond that
 * number is taken out again before the device is next sealed, since its hot documents still have it.
 */
export function createSealing(
  collections: TelemetryCollections,
  maxRecords: number,
  isCommitted: (writer: string, seq: number) => boolean,
  /** Only this writer's points: others seal their own. */
  only?: string,
): Sealing {
  const { hot, chunks, devices, changed } = collections
  /** Devices whose chunks hold nothing beyond their mark. */
  const clean = new Set<string>()

  /** The oldest documents of one writer, up to where another one stored something of the device. */
  async function oldest(device: string): Promise<HotDocument[]> {
    const own = only === undefined ? {} : { w: only }
    const found = await hot
      .find({ d: device, ...own })
      .sort({ t: 1, s: 1 })
      .limit(MAX_DOCUMENTS)
      .toArray()
    const taken: HotDocument[] = []
    let points = 0
    for (const document of found) {
      const foreign = taken[0] && taken[0].w !== document.w
      if (foreign || points >= MAX_POINTS || !isCommitted(document.w, document.e)) break
      points += document.n.length
      taken.push(document)
    }
    const [first] = taken
    const last = taken.at(-1)
    const cut = only !== undefined && first && last ? await foreignAfter(device, only, first.t, last.t) : undefined
    return cut === undefined ? taken : taken.filter(({ t }) => t <= cut)
  }

  /**
   * When another writer first stored something of the device after the one time and before the other. A chunk has one time of commit, by which it
   * stands before or after the points that others stored under the same times.
   */
  async function foreignAfter(
    device: string,
    writer: string,
    after: number,
    before: number,
  ): Promise<number | undefined> {
    if (after === before) return undefined
    const between = { d: device, w: { $ne: writer }, t: { $gt: after, $lt: before } }
    const [fresh, sealed] = await Promise.all([
      hot.find(between).sort({ t: 1 }).limit(1).project<{ t: number }>({ t: 1 }).next(),
      chunks.find(between).sort({ t: 1 }).limit(1).project<{ t: number }>({ t: 1 }).next(),
    ])
    const first = Math.min(fresh?.t ?? Infinity, sealed?.t ?? Infinity)
    return first === Infinity ? undefined : first
  }

  async function takeOutBeyond(device: string, writer: string, mark: number): Promise<void> {
    for await (const chunk of chunks.find({ d: device, w: writer, e: { $gt: mark } })) {
      const { yes } = splitPoints(framePoints(readFrame(chunk.body)), () => true)
      const { yes: stays } = splitPoints(yes, (place) => (yes.seq[place] ?? 0) <= mark)
      const [filled] = fillFrames(stays, Infinity)
      if (filled)
        await chunks.replaceOne({ _id: chunk._id }, toChunk({ device, writer, t: chunk.t }, filled, chunk._id))
      else await chunks.deleteOne({ _id: chunk._id })
    }
  }

  async function write(device: string, writer: string, t: number, points: PointColumns): Promise<void> {
    const keys = new Set(points.series.subarray(0, points.length)).size
    const records = Math.max(MIN_CHUNK_RECORDS, Math.min(maxRecords, Math.floor(MAX_CHUNK_POINTS / keys)))
    const [last, before] = await chunks
      .find({ d: device })
      .project<Pick<ChunkDocument, '_id' | 'w' | 't' | 'to' | 'records' | 'points'>>({
        w: 1,
        t: 1,
        to: 1,
        records: 1,
        points: 1,
      })
      .sort({ to: -1 })
      .limit(2)
      .toArray()
    const fits = last !== undefined && last.w === writer && last.records < records && last.points < MAX_CHUNK_POINTS
    const joins = fits && (only === undefined || (await foreignAfter(device, writer, last.t, t)) === undefined)
    const sealedTo = (joins ? before : last)?.to ?? -Infinity
    // Late points stand by themselves, so that one of them does not make a chunk that reaches over many others.
    const { yes: late, no: onTime } = splitPoints(points, (place) => (points.at[place] ?? 0) <= sealedTo)
    const made = fillFrames(late, records).map((filled) => toChunk({ device, writer, t }, filled))
    const open = joins && onTime.length > 0 ? await chunks.findOne({ _id: last._id }) : null
    let rest = onTime
    if (open) {
      const { yes: more, no: left } = splitPoints(onTime, upTo(onTime, records - open.records))
      // In one document, whatever its length: so the join is there or not.
      const [filled] = fillFrames(joinPoints(framePoints(readFrame(open.body)), more), Infinity)
      if (filled) made.push(toChunk({ device, writer, t }, filled, open._id))
      rest = left
    }
    made.push(...fillFrames(rest, records).map((filled) => toChunk({ device, writer, t }, filled)))
    await chunks.bulkWrite(
      made.map((chunk) => ({ replaceOne: { filter: { _id: chunk._id }, replacement: chunk, upsert: true } })),
    )
  }

  /** A day is rolled up once it is over. */
  async function markChanged(device: string, { at, length }: PointColumns): Promise<void> {
    const nowMs = Date.now()
    const days = new Set(Array.from(at.subarray(0, length), dayOf))
    await changed.bulkWrite(
      [...days].map((day) => ({
        updateOne: {
          filter: { _id: `${device}/${day}` },
          update: {
            $inc: { marked: 1 },
            $setOnInsert: { d: device, day, since: Math.max(nowMs, ((day + 1) * DAY) / 1_000) },
          },
          upsert: true,
        },
      })),
    )
  }

  return {
    async seal(device) {
      const documents = await oldest(device)
      const [first] = documents
      const last = documents.at(-1)
      if (!first || !last) return 0
      const { w: writer } = first
      const state = await devices.findOne({ _id: device })
      const points = documents.reduce((sum, { n }) => sum + n.length, 0)
      if (state && !state.leaving) {
        const mark = state.sealed?.find(({ w }) => w === writer)?.s ?? 0
        if (!clean.has(device)) await takeOutBeyond(device, writer, mark)
        const columns = toColumns(documents, mark)
        if (columns.length > 0) {
          // Until the mark is set, whatever happens is to be cleaned up.
          clean.delete(device)
          await write(device, writer, last.t, columns)
          await markChanged(device, columns)
          await changeDevice(devices, device, state, (now) => {
            const sealed = [...(now.sealed ?? []).filter(({ w }) => w !== writer), { w: writer, s: last.e }]
            return { $set: { sealed, newest: newestOf(now, columns, last) } }
          })
        }
        clean.add(device)
      }
      await hot.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } })
      return points
    },
  }
}

/** Packs what a writer has left that is not there any more, one device after the other. */
export async function sealAll(
  collections: TelemetryCollections,
  { writer, records, turns, stop }: { writer: string; records: number; turns: KeyedTurns; stop: () => boolean },
): Promise<void> {
  const sealing = createSealing(collections, records, () => true, writer)
  while (!stop()) {
    const [next] = await collections.hot
      .find({ _id: { $gte: `${writer}/`, $lt: `${writer}0` } })
      .project<{ d: string }>({ d: 1 })
      .limit(1)
      .toArray()
    if (!next) return
    await turns(next.d, () => sealing.seal(next.d))
  }
}

/** Tells the points of the first so many times. */
function upTo({ at, length }: PointColumns, times: number): (place: number) => boolean {
  const last = Float64Array.from(new Set(at.subarray(0, length))).sort()[times - 1] ?? Infinity
  return (place) => (at[place] ?? 0) <= last
}

function newestOf(
  { newest = [] }: DeviceDocument,
  { length, seq, series, at, kind, number, text }: PointColumns,
  { w, t }: HotDocument,
): NewestPoint[] {
  const all = new Map(newest.map((point) => [point.n, point]))
  for (let i = 0; i < length; i++) {
    const n = series[i] ?? 0
    const known = all.get(n)
    const sort = kind[i] ?? 0
    const value = number[i] ?? 0
    const point = {
      n,
      w,
      t,
      s: seq[i] ?? 0,
      at: at[i] ?? 0,
      kind: sort,
      v: sort >= kinds.text ? (text[value] ?? '') : value,
    }
    if (!known || inTime(toRow(known), toRow(point)) < 0) all.set(n, point)
  }
  return [...all.values()]
}

function toRow({ s: seq, v: value, at, kind, t }: NewestPoint) {
  return { seq, at, kind, value, t }
}
