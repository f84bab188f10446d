import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { MongoError, MongoServerError } from 'mongodb'

/** By code, never by text: servers that speak the same protocol word it differently. */
const DUPLICATE_KEY = 11_000

export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY
}

/** What MongoDB could not do now, as the ports say it; faults of ours go through as they are. */
export function toUnavailable(error: unknown): unknown {
  if (!(error instanceof MongoError)) return error
  return new StoreUnavailable(`MongoDB cannot do this now (${error.message})`, { cause: error })
}
