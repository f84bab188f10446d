import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import type { Leases } from '@patchbay/core/nodes/leases'

const LOOK_MS = 25
const MOST_MS = 5_000

/** Runs work while no other node runs work of that name. */
export function createOneAtATime(leases: Leases, name: string): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => {
    const until = performance.now() + MOST_MS
    while (!(await leases.acquire(name))) {
      if (performance.now() > until) throw new StoreUnavailable(`another node does not give ${name} back`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    try {
      return await work()
    } finally {
      await leases.release(name)
    }
  }
}
