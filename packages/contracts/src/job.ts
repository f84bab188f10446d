import { Type, type Static } from 'typebox'
import { Time } from './id.ts'

export const JobQueueCounts = Type.Object(
  {
    name: Type.String(),
    waiting: Type.Integer({ description: 'Due now' }),
    delayed: Type.Integer({ description: 'Due later' }),
    active: Type.Integer(),
    failed: Type.Integer(),
  },
  { $id: 'JobQueueCounts' },
)
export type JobQueueCounts = Static<typeof JobQueueCounts>

/** A job that nobody tries any more: what it came to, and what it was to do. */
export const FailedJob = Type.Object(
  {
    queue: Type.String(),
    key: Type.String(),
    attempts: Type.Integer(),
    createdAt: Time,
    failedAt: Time,
    why: Type.String(),
    data: Type.Unknown(),
  },
  { $id: 'FailedJob' },
)
export type FailedJob = Static<typeof FailedJob>
