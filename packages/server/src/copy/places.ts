import type { RegistryStore } from '@patchbay/core/registry/port'
import { follower } from '@patchbay/core/rules/state-keeper'
import type { CommitCursor, CommittedRecord } from '@patchbay/core/telemetry/port'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { documentsOf, type ToTarget } from './copy-registry.ts'

/** Where sinks stand: documents of `meta`, with these places in the committed log. The rules have one like them. */
const PREFIX = 'delivery/'
const FIELDS = ['cursor', 'floor'] as const
const Cursor = Type.Record(Type.String(), Type.Number())

const hasPlaces = (id: string): boolean => id === follower || id.startsWith(PREFIX)

export interface Places {
  /** Before the first record of the source's log that somebody must find in its order; undefined when nobody waits for any. */
  readonly tail: CommitCursor | undefined
  /** These records, in the order of the log, are the last `points` ones of the target, which ends at `last`. */
  copied(records: readonly CommittedRecord[], points: number, last: number): void
  /** What a document is in the target, whose log the writer has and ends at `last`. */
  toTarget(writer: string, last: number): ToTarget
}

/**
 * Follows the places of the source through a copy. A place lies before the first record that its cursor does not hold, so nothing that a sink has not
 * had is taken for delivered, and rules take nothing in twice. Who has read all stands at the end, who begins anew at the beginning; for the
 * others the log is copied in its order from the least of their places on.
 */
export async function findPlaces(from: RegistryStore, end: CommitCursor): Promise<Places> {
  const cursors = new Map<string, CommitCursor>()
  for await (const page of documentsOf(from, 'meta')) {
    for (const { id, body } of page) {
      if (!hasPlaces(id)) continue
      const { cursor, floor } = body
      if (Value.Check(Cursor, cursor)) cursors.set(`${id} cursor`, cursor)
      // A floor that was passed says nothing any more.
      if (Value.Check(Cursor, floor))
        cursors.set(`${id} floor`, Value.Check(Cursor, cursor) && holds(cursor, floor) ? cursor : floor)
    }
  }
  const within = new Map([...cursors].filter(([, cursor]) => !isStart(cursor) && !holds(cursor, end)))
  const tail = within.size === 0 ? undefined : leastOf([...within.values()], end)
  const states = tail ? await statesOf(from) : new Map<string, number>()
  /** In the target: where each place is, as far as it is copied, and up to where the state of a device is true. */
  const known = new Map<string, { seq: number; passed: boolean }>()
  const trueTo = new Map<string, number>()
  let begin: number | undefined

  return {
    tail,
    copied(records, points, last) {
      begin ??= last - points
      for (const [place, cursor] of within) {
        if (known.get(place)?.passed) continue
        let seq = last - points
        let passed = false
        for (const record of records) {
          passed = record.seq > (cursor[record.writer] ?? 0)
          if (passed) break
          seq += sizeOf(record)
        }
        known.set(place, { seq, passed })
      }
      let seq = last - points
      for (const record of records) {
        seq += sizeOf(record)
        if (record.seq <= (states.get(record.device) ?? -1)) trueTo.set(record.device, seq)
      }
    },
    toTarget(writer, last) {
      const placeOf = (place: string): number =>
        isStart(cursors.get(place) ?? {}) ? 0 : (known.get(place)?.seq ?? last)
      return (collection, { id, body }) => {
        // All that it knows of lies before the tail, or there is none.
        if (collection === 'rule_states') return { ...body, seq: trueTo.get(id) ?? begin ?? last }
        if (collection !== 'meta' || !hasPlaces(id)) return body
        const moved = FIELDS.filter((field) => cursors.has(`${id} ${field}`))
        return {
          ...body,
          ...Object.fromEntries(moved.map((field) => [field, { [writer]: placeOf(`${id} ${field}`) }])),
        }
      }
    },
  }
}

/** Up to which number of the log the rules' state of each device is true. */
async function statesOf(from: RegistryStore): Promise<Map<string, number>> {
  const states = new Map<string, number>()
  for await (const page of documentsOf(from, 'rule_states')) {
    for (const { id, body } of page) if (typeof body['seq'] === 'number') states.set(id, body['seq'])
  }
  return states
}

const sizeOf = ({ values }: CommittedRecord): number => Object.keys(values).length

const isStart = (cursor: CommitCursor): boolean => Object.values(cursor).every((seq) => seq === 0)

const holds = (cursor: CommitCursor, other: CommitCursor): boolean =>
  Object.entries(other).every(([writer, seq]) => (cursor[writer] ?? 0) >= seq)

const leastOf = (cursors: readonly CommitCursor[], end: CommitCursor): CommitCursor =>
  Object.fromEntries(Object.keys(end).map((writer) => [writer, Math.min(...cursors.map((each) => each[writer] ?? 0))]))
