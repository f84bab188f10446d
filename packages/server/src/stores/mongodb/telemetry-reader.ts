import type { CommitCursor, TelemetryStore } from '@patchbay/core/telemetry/port'
import type { Db } from 'mongodb'
import { MAX_READ_POINTS } from '../sqlite/sqlite-telemetry.ts'
import { readRawCursor, toRawAnswer } from '../sqlite/telemetry-answers.ts'
import { createCommittedRead } from './committed-read.ts'
import { createGrowth } from './growth.ts'
import { groupOf, hotPlace, telemetryCollections, type TelemetryCollections } from './telemetry-documents.ts'
import { createTelemetryReads } from './telemetry-reads.ts'

/** What can be read of a database that a platform writes meanwhile: everything up to `end`, and perhaps some of what came since. */
export interface TelemetryReader extends Pick<TelemetryStore, 'devices' | 'raw' | 'readCommitted' | 'end'> {
  /** Takes in what has been committed since. */
  refresh(): Promise<void>
  points(): Promise<number>
}

/** Reads without the lease, and writes nothing. */
export async function openTelemetryReader(db: Db): Promise<TelemetryReader> {
  const collections = telemetryCollections(db)
  let ends = await findEnds(collections)
  const reads = createTelemetryReads(collections, (writer, seq) => seq <= (ends[writer] ?? 0))
  const committed = createCommittedRead(collections)
  return {
    async refresh() {
      ends = await findEnds(collections)
    },
    async points() {
      return (await createGrowth(collections, '').counts(0, Date.now())).points
    },
    devices: (after, limit) => devicesAfter(collections, after, limit),
    async raw({ device, keys, from, to, limit, cursor }, options = {}) {
      const after = cursor === undefined ? undefined : readRawCursor(cursor)
      const most = Math.min(limit, MAX_READ_POINTS)
      return toRawAnswer(await reads.raw({ device, keys, from, to, limit: most, after }, options))
    },
    readCommitted: (cursor, limit, options = {}) =>
      committed.read(cursor, Math.min(limit, MAX_READ_POINTS), ends, options),
    end: () => ({ ...ends }),
  }
}

export async function devicesAfter({ devices }: TelemetryCollections, after: string, limit: number): Promise<string[]> {
  const query = { _id: { $gt: after }, leaving: { $exists: false } }
  const found = await devices.find(query).sort({ _id: 1 }).limit(limit).project({ _id: 1 }).toArray()
  return found.map(({ _id }) => String(_id))
}

/** A group may be on its way, but not before the one in front of it is committed, or gone. */
async function findEnds({ hot, writers }: TelemetryCollections): Promise<CommitCursor> {
  const ends: CommitCursor = {}
  for (const { _id: writer, to = 0 } of await writers.find().toArray()) {
    const place = { $gte: hotPlace(writer, to + 1), $lt: `${writer}0` }
    const newest = await hot.find({ _id: place }).sort({ _id: -1 }).limit(1).project({ _id: 1 }).next()
    ends[writer] = Math.max(to, newest ? groupOf(String(newest['_id'])) - 1 : 0)
  }
  return ends
}
