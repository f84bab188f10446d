import type { Collection, Db } from 'mongodb'
import type { CollectionIndexes } from './schema.ts'

/** One commit group's points of one device, as columns; times are µs. */
export interface HotDocument {
  /** Writer, number of the group's first point, place in the group: the order of the committed log. */
  _id: string
  d: string
  w: string
  /** First and last number. */
  s: number
  e: number
  /** When it was committed, ms; never less than that of the group before. */
  t: number
  /** Ids of the series. */
  n: number[]
  /** One time when all points have it. */
  at: number | number[]
  /** Left out when all are numbers. */
  kind?: number[]
  /** A boolean is 0 or 1, JSON is its text. */
  v: (number | string)[]
  /** Left out when the numbers have no gap. */
  seq?: number[]
}

/** Sealed records of one device by one writer: `head` the summaries of its series, `body` the frame. */
export interface ChunkDocument {
  _id: string
  d: string
  w: string
  s: number
  e: number
  t: number
  from: number
  to: number
  records: number
  points: number
  head: Uint8Array
  body: Uint8Array
}

/** The newest sealed point of a series. */
export interface NewestPoint {
  n: number
  w: string
  s: number
  t: number
  at: number
  kind: number
  v: number | string
}

export interface DeviceDocument {
  _id: string
  series?: { k: string; n: number }[]
  /** Up to which number the device is sealed, by writer. */
  sealed?: { w: string; s: number }[]
  newest?: NewestPoint[]
  /** Points before are gone; roll-ups may be there. */
  rawFrom?: number
  /** The same for keys that are kept less long. */
  keyFrom?: { n: number; at: number }[]
  /** Its data are being deleted. */
  leaving?: boolean
  /** Counts what several writers change together: each writes against the number that it has read. */
  rev?: number
}

/** A day of a series in stretches of minutes, hours or the day, as columns that people can read. */
export interface RollupDocument {
  _id: string
  d: string
  n: number
  key: string
  tier: 'minute' | 'hour' | 'day'
  day: Date
  /** Which minute or hour of the day. */
  place: number[]
  count: number[]
  sum: number[]
  min: number[]
  max: number[]
  first: number[]
  last: number[]
}

/** A day that is not rolled up as it is now. */
export interface ChangedDocument {
  _id: string
  d: string
  day: number
  marked: number
  since: number
}

export interface WriterDocument {
  _id: string
  /** Everything up to here is committed. */
  to: number
  /** Where the log stood at the begin of hours. */
  hours?: { h: number; s: number }[]
}

export interface FollowerDocument {
  _id: string
  at: { w: string; s: number }[]
}

/** `series`: the highest id given; `counts`: what retention dropped unread; `lease`: who has the database open. */
export interface MetaDocument {
  _id: 'series' | 'counts' | 'lease'
  last?: number
  unread?: number
  holder?: string | null
  beat?: number
  host?: string
}

export interface TelemetryCollections {
  hot: Collection<HotDocument>
  chunks: Collection<ChunkDocument>
  devices: Collection<DeviceDocument>
  rollups: Collection<RollupDocument>
  changed: Collection<ChangedDocument>
  writers: Collection<WriterDocument>
  followers: Collection<FollowerDocument>
  meta: Collection<MetaDocument>
}

const names = {
  hot: 'telemetry_hot',
  chunks: 'telemetry_chunks',
  devices: 'telemetry_devices',
  rollups: 'telemetry_rollups',
  changed: 'telemetry_changed',
  writers: 'telemetry_writers',
  followers: 'telemetry_followers',
  meta: 'telemetry_meta',
} as const

export const telemetryCollectionNames: readonly string[] = Object.values(names)

export function telemetryCollections(db: Db): TelemetryCollections {
  return {
    hot: db.collection(names.hot),
    chunks: db.collection(names.chunks),
    devices: db.collection(names.devices),
    rollups: db.collection(names.rollups),
    changed: db.collection(names.changed),
    writers: db.collection(names.writers),
    followers: db.collection(names.followers),
    meta: db.collection(names.meta),
  }
}

export const telemetryIndexes: readonly CollectionIndexes[] = [
  { collection: names.hot, indexes: [{ name: 'place', key: { d: 1, t: 1, s: 1 } }] },
  {
    collection: names.chunks,
    indexes: [
      { name: 'place', key: { d: 1, to: 1, from: 1 } },
      { name: 'seq', key: { w: 1, e: 1, s: 1 } },
    ],
  },
  { collection: names.rollups, indexes: [{ name: 'place', key: { d: 1, tier: 1, day: 1 } }] },
  {
    collection: names.changed,
    indexes: [
      { name: 'since', key: { since: 1 } },
      { name: 'place', key: { d: 1, day: 1 } },
    ],
  },
  { collection: names.devices, indexes: [{ name: 'leaving', key: { leaving: 1 } }] },
]

const SEQ_DIGITS = 16

/** Where a group stands among the ids of the hot documents. */
export function hotPlace(writer: string, group: number): string {
  return `${writer}/${String(group).padStart(SEQ_DIGITS, '0')}/`
}

export function groupOf(id: string): number {
  return Number(id.split('/')[1])
}
