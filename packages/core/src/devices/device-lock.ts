import { DomainError } from '../errors.ts'
import { createKeyedTurns, type KeyedTurns } from '../keyed-turns.ts'

/** Writes of one device that may wait for each other. */
export const maxWaitingWrites = 100

export type DeviceLock = KeyedTurns

/** Writes of one device one after the other: the store keeps single documents, and creating or rotating takes several. */
export const createDeviceLock = (): DeviceLock =>
  createKeyedTurns({
    maxWaiting: maxWaitingWrites,
    full: (device) =>
      new DomainError('STORE_UNAVAILABLE', `Too many changes of "${device}" are waiting.`, { retryAfterSeconds: 1 }),
  })
