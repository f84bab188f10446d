import type { Batch, DeviceSeries } from '../telemetry/port.ts'

/** A group of messages as it was committed. */
export interface CommittedGroup {
  /** Sequence numbers of its first and last point; row i has the number `first + i`. */
  first: number
  last: number
  batch: Batch
  /** The devices whose messages it holds; some may stand there more than once. */
  owners: readonly { series: DeviceSeries }[]
}

/** Hears of groups as they become durable, in commit order. */
export interface CommitTap {
  /** Somebody listens: groups are copied for him. */
  readonly open: boolean
  committed(group: CommittedGroup): void
}
