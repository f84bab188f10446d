import type { LiveKind } from '@patchbay/contracts/live'

/**
 * Something that viewers follow: a device, a plugin, a stream of messages. It marks each of its parts with the turn of its last
 * change, so that "what changed since turn n" can be answered for every n after `since`: to the viewer who is up to date, to the slow
 * one who missed some turns, and to the one who was away. Nothing is queued for anybody.
 */
export interface Item {
  readonly kind: LiveKind
  /** Its place in frames; items of a kind are told in this order. */
  readonly id: string
  /** Followed without a gap since this turn. */
  readonly since: number
  /** The turn of the last change. */
  readonly changed: number
  /** JSON members: all of it, for a viewer who has been told everything up to the turn `told`. */
  whole(told: number): string
  /** JSON members: what changed after the turn `from`, up to the turn `to`; empty when nothing did. */
  after(from: number, to: number): string
}

/** Where items of a kind come from. */
export interface Source {
  /** Begins to follow. Each acquire wants one release. */
  acquire(ids: readonly string[]): Promise<readonly Item[]>
  release(items: readonly Item[]): void
  close(): void
}

/** `"id":json`, as a member of an object. */
export const toMember = (name: string, json: string): string => `${JSON.stringify(name)}:${json}`
