/** The store cannot take or answer this now (disk full, closed, worker gone): nothing of the request was stored. Try again later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}
