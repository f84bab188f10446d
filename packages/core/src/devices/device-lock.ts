import { DomainError } from '../errors.ts'

/** Writes of one device that may wait for each other. */
export const maxWaitingWrites = 100

export type DeviceLock = <T>(device: string, work: () => Promise<T>) => Promise<T>

/** Writes of one device one after the other: the store keeps single documents, and creating or rotating takes several. */
export function createDeviceLock(): DeviceLock {
  const waiting = new Map<string, { last: Promise<unknown>; count: number }>()
  return async (device, work) => {
    const turn = waiting.get(device) ?? { last: Promise.resolve(), count: 0 }
    if (turn.count >= maxWaitingWrites) {
      throw new DomainError('STORE_UNAVAILABLE', `Too many changes of "${device}" are waiting.`, {
        retryAfterSeconds: 1,
      })
    }
    turn.count++
    waiting.set(device, turn)
    const mine = turn.last.then(work)
    // Whoever is next only waits for the end; a failure is this caller's.
    turn.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      if (--turn.count === 0) waiting.delete(device)
    }
  }
}
