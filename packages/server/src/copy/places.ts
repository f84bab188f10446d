import type { RegistryStore } from '@patchbay/core/registry/port'
import type { CommitCursor, CommittedRecord } from '@patchbay/core/telemetry/port'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { documentsOf } from './copy-registry.ts'

/** Where sinks stand: documents of `meta`, with these places in the committed log. */
const PREFIX = 'delivery/'
const FIELDS = ['cursor', 'floor'] as const
const Cursor = Type.Record(Type.String(), Type.Number())

/** By document and field: the same place in the target's log as far as it is copied, and whether what comes lies behind it. */
export const KnownPlaces = Type.Record(Type.String(), Type.Object({ seq: Type.Number(), passed: Type.Boolean() }))
export type KnownPlaces = Static<typeof KnownPlaces>

export interface Places {
  /** Before the first record of the source's log that somebody must find in its order; undefined when nobody waits for any. */
  readonly tail: CommitCursor | undefined
  /** These records, in the order of the log, are the last `points` ones of the target, which ends at `last`. */
  copied(records: readonly CommittedRecord[], points: number, last: number): void
  known(): KnownPlaces
  /** The body of a document as it is in the target, whose log ends at `last`. */
  translate(id: string, body: Record<string, unknown>, writer: string, last: number): Record<string, unknown>
}

/**
 * Follows the places of the source through a copy. A place lies before the first record that its cursor does not hold, so nothing that a sink has not
 * had is taken for delivered. Who has read all stands at the end, who begins anew at the beginning; for the others the log is copied in
 * its order from the least of their places on.
 */
export async function findPlaces(from: RegistryStore, end: CommitCursor, kept: KnownPlaces = {}): Promise<Places> {
  const cursors = new Map<string, CommitCursor>()
  for await (const page of documentsOf(from, 'meta')) {
    for (const { id, body } of page) {
      if (!id.startsWith(PREFIX)) continue
      const { cursor, floor } = body
      if (Value.Check(Cursor, cursor)) cursors.set(`${id} cursor`, cursor)
      // A floor that was passed says nothing any more.
      if (Value.Check(Cursor, floor))
        cursors.set(`${id} floor`, Value.Check(Cursor, cursor) && holds(cursor, floor) ? cursor : floor)
    }
  }
  const within = new Map([...cursors].filter(([, cursor]) => !isStart(cursor) && !holds(cursor, end)))
  const known = new Map(Object.entries(kept))
  return {
    tail: within.size === 0 ? undefined : leastOf([...within.values()], end),
    copied(records, points, last) {
      for (const [place, cursor] of within) {
        if (known.get(place)?.passed) continue
        let seq = last - points
        let passed = false
        for (const record of records) {
          passed = record.seq > (cursor[record.writer] ?? 0)
          if (passed) break
          seq += Object.keys(record.values).length
        }
        known.set(place, { seq, passed })
      }
    },
    known: () => Object.fromEntries(known),
    translate(id, body, writer, last) {
      if (!id.startsWith(PREFIX)) return body
      const placeOf = (place: string): number =>
        isStart(cursors.get(place) ?? {}) ? 0 : (known.get(place)?.seq ?? last)
      const moved = FIELDS.filter((field) => cursors.has(`${id} ${field}`))
      return {
        ...body,
        ...Object.fromEntries(moved.map((field) => [field, { [writer]: placeOf(`${id} ${field}`) }])),
      }
    },
  }
}

const isStart = (cursor: CommitCursor): boolean => Object.values(cursor).every((seq) => seq === 0)

const holds = (cursor: CommitCursor, other: CommitCursor): boolean =>
  Object.entries(other).every(([writer, seq]) => (cursor[writer] ?? 0) >= seq)

const leastOf = (cursors: readonly CommitCursor[], end: CommitCursor): CommitCursor =>
  Object.fromEntries(Object.keys(end).map((writer) => [writer, Math.min(...cursors.map((each) => each[writer] ?? 0))]))
