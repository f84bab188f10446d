import { hostname } from 'node:os'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Collection } from 'mongodb'
import { isDuplicate } from './failure.ts'
import type { MetaDocument } from './telemetry-documents.ts'

/** A holder that has not been seen to renew for so long is gone. By the looker's own clock: the clocks of two machines are not compared. */
export const LEASE_MS = 15_000
const RENEW_MS = 4_000
const LOOK_MS = 500

export interface Lease {
  /** Rejects when somebody else has it meanwhile. */
  /** `free`: nobody else uses it under the same name. */
  release(free: boolean): Promise<void>
}

/**
 * One holder at a time has a database: a single Patchbay by the name of its writer, or all nodes that share it by one name. The same holder has
 * it at once again; another one waits until the holder is gone.
 */
export async function takeLease(
  meta: Collection<MetaDocument>,
  holder: string,
  onLost: (error: Error) => void,
): Promise<Lease> {
  const host = hostname()
  const take = async (from: MetaDocument | undefined): Promise<boolean> => {
    const mine = { _id: 'lease', holder: { $in: [holder, null] } } as const
    const filter = from ? ({ _id: 'lease', holder: from.holder ?? null, beat: from.beat ?? 0 } as const) : mine
    try {
      const upsert = from === undefined
      const { matchedCount, upsertedCount } = await meta.updateOne(
        filter,
        { $set: { holder, host }, $inc: { beat: 1 } },
        { upsert },
      )
      return matchedCount + upsertedCount > 0
    } catch (error) {
      // It is there, and somebody else's.
      if (isDuplicate(error)) return false
      throw error
    }
  }

  let seen: MetaDocument | undefined
  let sinceMs = performance.now()
  while (!(await take(undefined))) {
    const now = (await meta.findOne({ _id: 'lease' })) ?? undefined
    if (now?.holder !== seen?.holder || now?.beat !== seen?.beat) {
      if (seen)
        throw new StoreUnavailable(`another Patchbay, on ${now?.host ?? 'another machine'}, has this database open`)
      seen = now
      sinceMs = performance.now()
    } else if (seen && performance.now() - sinceMs > LEASE_MS && (await take(seen))) break
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }

  let renewing: Promise<void> | undefined
  const timer = setInterval(() => {
    renewing ??= meta
      // Given back by another of several that hold it together, who took itself for the last.
      .updateOne({ _id: 'lease', holder: { $in: [holder, null] } }, { $set: { holder, host }, $inc: { beat: 1 } })
      .then(({ matchedCount }) => {
        if (matchedCount === 0) onLost(new Error('another Patchbay has taken this database over'))
      })
      // MongoDB is away: nobody else can take the lease either.
      .catch(() => undefined)
      .finally(() => (renewing = undefined))
  }, RENEW_MS).unref()
  return {
    async release(free) {
      clearInterval(timer)
      await renewing
      if (free) await meta.updateOne({ _id: 'lease', holder }, { $set: { holder: null } }).catch(() => undefined)
    },
  }
}
