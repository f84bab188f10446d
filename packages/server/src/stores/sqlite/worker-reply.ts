import type { Failure } from './failure.ts'

/** The reply to the start itself; requests count from there. */
export const OPENED = 0

/** What a worker answers: first about `OPENED`, then once for each request. */
export type Reply = { id: number; value: unknown } | { id: number; failure: Failure }

/** The calls of a worker: what each takes and answers. */
export type CallMap<C> = { [K in keyof C]: { ask: unknown; answer: unknown } }

export type RequestOf<C extends CallMap<C>> = { [K in keyof C]: { id: number; op: K; ask: C[K]['ask'] } }[keyof C]

/** Sent when the caller of a request has gone. */
export interface Cancel {
  cancel: number
}
