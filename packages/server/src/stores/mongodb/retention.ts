import { readFrame } from '@patchbay/core/telemetry/codec/frame-bytes'
import { readSummaries } from '@patchbay/core/telemetry/codec/summary'
import { stripFrame } from '@patchbay/core/telemetry/codec/strip-frame'
import type { CommitCursor, Retention, RetentionResult, RetentionTimes } from '@patchbay/core/telemetry/port'
import { DAY } from '../sqlite/tiers.ts'
import { changeDevice } from './device-change.ts'
import { toChunk } from './chunk-document.ts'
import { keepRows } from './hot-rows.ts'
import { tierNames } from './rollup-days.ts'
import type { ChunkDocument, DeviceDocument, TelemetryCollections } from './telemetry-documents.ts'

/** Chunks looked at together. */
const CHUNKS_AT_ONCE = 200

type ChunkPlace = Omit<ChunkDocument, 'body'>

export interface RetentionWork {
  /** Drops old points of a device; the caller sees to it that nothing else changes its documents meanwhile. */
  drop(retention: Retention): Promise<RetentionResult>
  hold(follower: string, cursor: CommitCursor | undefined): Promise<void>
}

export function createRetention(collections: TelemetryCollections): RetentionWork {
  const { hot, chunks, devices, changed, rollups, followers, meta } = collections

  /** By writer the number that the slowest follower has read. */
  async function readBy(): Promise<(writer: string) => number> {
    const all = await followers.find().toArray()
    return (writer) => {
      if (all.length === 0) return Number.MAX_SAFE_INTEGER
      return Math.min(...all.map(({ at }) => at.find(({ w }) => w === writer)?.s ?? 0))
    }
  }

  async function timesOf({ _id: device, series = [] }: DeviceDocument, { keys = [], ...asked }: Retention) {
    const own = new Map(keys.map(({ key, ...times }) => [key, times]))
    // What is not yet rolled up waits for it.
    const [unrolled] = await changed.find({ d: device }).sort({ day: 1 }).limit(1).toArray()
    const latest = unrolled ? unrolled.day * DAY : Infinity
    const times = new Map<number, RetentionTimes>()
    for (const { k, n } of series) {
      const each = own.get(k) ?? asked
      times.set(n, { ...each, before: Math.min(each.before, latest) })
    }
    return times
  }

  return {
    async drop(retention) {
      const { device } = retention
      const state = await devices.findOne({ _id: device })
      const result = { dropped: 0, unread: 0 }
      if (!state || state.leaving) return result
      const times = await timesOf(state, retention)
      const all = times.size === 0 ? [retention] : [...times.values()]
      const first = Math.min(...all.map(({ before }) => before))
      const last = Math.max(...all.map(({ before }) => before))
      const readTo = await readBy()
      const goes = (writer: string, series: number, at: number, seq: number): boolean => {
        const own = times.get(series) ?? retention
        return at < own.before && (seq <= readTo(writer) || at < own.unreadBefore)
      }
      // First that the points are no longer whole, then that they go: reads take roll-ups from there on.
      const keyFrom = new Map(state.keyFrom?.map(({ n, at }) => [n, at]))
      for (const [n, { before }] of times) if (before > first) keyFrom.set(n, Math.max(keyFrom.get(n) ?? 0, before))
      await devices.updateOne(
        { _id: device },
        { $max: { rawFrom: first }, $set: { keyFrom: [...keyFrom].map(([n, at]) => ({ n, at })) } },
      )

      const count = (chunk: ChunkPlace, dropped: number): void => {
        result.dropped += dropped
        if (chunk.e > readTo(chunk.w)) result.unread += Math.min(dropped, chunk.e - readTo(chunk.w))
      }
      for (let after = -1, more = true; more;) {
        const found = await chunks
          .find({ d: device, to: { $gt: after, $lt: last } })
          .project<ChunkPlace>({ body: 0 })
          .sort({ to: 1 })
          .limit(CHUNKS_AT_ONCE)
          .toArray()
        more = found.length === CHUNKS_AT_ONCE
        after = more ? (found.at(-1)?.to ?? last) - 1 : last
        for (const chunk of found) {
          const inside = readSummaries(chunk.head).map(({ series }) => series)
          const gone = inside.filter((series) => goes(chunk.w, series, chunk.to, chunk.e))
          if (gone.length === 0) continue
          if (gone.length === inside.length) {
            if (await remove(chunk)) count(chunk, chunk.points)
          } else count(chunk, await strip(device, chunk, new Set(gone)))
        }
        // Many that end at one time would be met again without an end.
        if (more && found[0]?.to === found.at(-1)?.to) after += 1
      }

      for await (const document of hot.find({ d: device })) {
        const left = keepRows(document, ({ series, at, seq }) => !goes(document.w, series, at, seq))
        const gone = document.n.length - (left?.n.length ?? 0)
        if (gone === 0) continue
        if (left) await hot.replaceOne({ _id: document._id }, left)
        else await hot.deleteOne({ _id: document._id })
        result.dropped += gone
        if (document.e > readTo(document.w)) result.unread += Math.min(gone, document.e - readTo(document.w))
      }

      await changeDevice(devices, device, await devices.findOne({ _id: device }), ({ newest = [] }) => {
        const left = newest.filter(({ n, w, at, s }) => !goes(w, n, at, s))
        return left.length < newest.length ? { $set: { newest: left } } : undefined
      })
      for (const [n, { tiers: rolledUp = {} }] of times) {
        for (const tier of tierNames) {
          const end = rolledUp[tier]
          if (end !== undefined) await rollups.deleteMany({ d: device, n, tier, day: { $lt: new Date(end / 1_000) } })
        }
      }
      if (result.unread > 0) {
        await meta.updateOne({ _id: 'counts' }, { $inc: { unread: result.unread } }, { upsert: true })
      }
      return result
    },

    async hold(follower, cursor) {
      if (cursor === undefined) await followers.deleteOne({ _id: follower })
      else {
        const at = Object.entries(cursor).map(([w, s]) => ({ w, s }))
        await followers.updateOne({ _id: follower }, { $set: { at } }, { upsert: true })
      }
    },
  }

  /** A chunk that its writer has filled up meanwhile stays until the next time. */
  async function remove({ _id, e, points }: ChunkPlace): Promise<boolean> {
    return (await chunks.deleteOne({ _id, e, points })).deletedCount > 0
  }

  /** Drops the columns of a chunk that go; answers how many points they had. */
  async function strip(device: string, { _id, w: writer }: ChunkPlace, gone: ReadonlySet<number>): Promise<number> {
    const chunk = await chunks.findOne({ _id })
    if (!chunk) return 0
    const { dropped, ...left } = stripFrame(readFrame(chunk.body), (series) => gone.has(series))
    if (dropped === 0) return 0
    if (dropped === chunk.points) return (await remove(chunk)) ? dropped : 0
    const { e, points } = chunk
    const stripped = toChunk({ device, writer, t: chunk.t }, left, _id)
    return (await chunks.replaceOne({ _id, e, points }, stripped)).matchedCount > 0 ? dropped : 0
  }
}
