import type { Batch } from '@patchbay/core/telemetry/port'

/** A database that keeps the fleet's points and answers the three queries. */
export interface Contender {
  name: string
  write(batch: Batch): Promise<void>
  /** Resolves when what was written is in its last form, or does not change any more. */
  settle(): Promise<void>
  bytes(): Promise<number>
  /** How many points a query finds: all, or the comparison is void. */
  count(): Promise<number>
  latestOfAll(): Promise<unknown>
  /** One day of one key in 300 buckets. */
  oneDay(device: string): Promise<unknown>
  hourlyOfAll(): Promise<unknown>
  close(): Promise<void>
}

/** What is measured beside the product, or why it is not. */
export interface Peer {
  name: string
  open: () => Promise<Contender> | undefined
  missing: string
}
