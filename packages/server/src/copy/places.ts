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
  /** These records, in the order of the log, are the last `points` ones of the target, which ends at `last`. */
  copied(records: readonly CommittedRecord[], points: number, last: number): void
  known(): KnownPlaces
  /** The body of a document as it is in the target. */
  translate(id: string, body: Record<string, unknown>, writer: string): Record<string, unknown>
}

/**
 * Follows the places of the source through a copy. A place lies before the first record that its cursor does not hold, so nothing that a sink has not
 * had is taken for delivered.
 */
export async function findPlaces(from: RegistryStore, kept: KnownPlaces = {}): Promise<Places> {
  const cursors = new Map<string, CommitCursor>()
  for await (const page of documentsOf(from, 'meta')) {
    for (const { id, body } of page) {
      if (!id.startsWith(PREFIX)) continue
      for (const field of FIELDS) if (Value.Check(Cursor, body[field])) cursors.set(`${id} ${field}`, body[field])
    }
  }
  const known = new Map(Object.entries(kept))
  return {
    copied(records, points, last) {
      for (const [place, cursor] of cursors) {
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
    translate(id, body, writer) {
      if (!id.startsWith(PREFIX)) return body
      const moved = FIELDS.filter((field) => cursors.has(`${id} ${field}`))
      return {
        ...body,
        ...Object.fromEntries(moved.map((field) => [field, { [writer]: known.get(`${id} ${field}`)?.seq ?? 0 }])),
      }
    },
  }
}
