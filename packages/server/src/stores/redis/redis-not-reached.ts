import { StoreUnavailable } from '@patchbay/core/store-unavailable'

/** Redis could not be reached at the start. */
export class RedisNotReached extends StoreUnavailable {}
