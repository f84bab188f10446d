/** The errors of the embedded stores that are not of the ports (those are core's: StoreUnavailable, CursorInvalid, ReadTooLarge). */
export const storeErrors = {
  STORE_CORRUPT: 'The file is not a database of this product, is damaged, or was written by a newer version.',
  STORE_NOT_OPENED: 'The database at MONGODB_URL could not be opened at the start. The message says why.',
  STORE_MISUSED:
    'A caller asked for something that the store cannot mean. A fault in the code, trying again does not help.',
} as const

/** The file cannot be used as it is; the message names it. */
export class StoreCorrupt extends Error {
  override readonly name = 'StoreCorrupt'
  readonly code = 'STORE_CORRUPT'
}

/** The database in MongoDB could not be opened; the message names its address without the password. */
export class StoreNotOpened extends Error {
  override readonly name = 'StoreNotOpened'
  readonly code = 'STORE_NOT_OPENED'
}

export class StoreMisused extends Error {
  override readonly name = 'StoreMisused'
  readonly code = 'STORE_MISUSED'
}
