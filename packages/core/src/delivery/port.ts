import type { WriteAnswer } from '@patchbay/contracts/delivery'
import type { CommitCursor } from '../telemetry/port.ts'

/** Something that is delivered: a record or a message. */
export interface Deliverable {
  /** The same each time it is read. */
  readonly id: string
}

/** An item and its place in what is read. */
export interface Placed<T> {
  item: T
  writer: string
  seq: number
  /** About what it takes in memory. */
  bytes: number
}

export interface Page<T> {
  items: Placed<T>[]
  /** Up to where it was looked; items that were not selected are behind it. */
  cursor: CommitCursor
  /** Points, or messages, with numbers above the floor that were gone before they were read. */
  gone: number
}

/** What a delivery reads, by a cursor of its own. */
export interface Source<T> {
  /** Where it ends now, from memory. */
  end(): CommitCursor
  /** Items after the cursor, in order. About `limit` of what `end` counts are looked at. */
  read(cursor: CommitCursor, limit: number, since: Since): Promise<Page<T>>
  /** What lies behind the cursor is not needed any more; undefined: nothing is. */
  hold(cursor: CommitCursor | undefined): Promise<void>
  /** How often that is told; left out = as the limits say. */
  holdMs?: number
  /** Tells at once when there is more; left out = it is looked for by the clock. */
  hear?(onMore: () => void): void
  /** Items that keep their order among each other have the same lane. */
  laneOf(item: T): string
  toLetter(item: T): Record<string, unknown>
  /** Undefined: it is none. */
  ofLetter(id: string, body: unknown): T | undefined
}

/** Where a delivery began, so that what was there before is told from what came after. */
export interface Since {
  /** The end of what was there. */
  floor: CommitCursor
  /** Of what was there, only values of this time (µs) or later. */
  micros: number
}

/** One try of a batch at the target. */
export type Write<T> = (items: readonly T[], options: { attempt: number; signal: AbortSignal }) => Promise<WriteAnswer>
