/** The errors of the embedded stores that are not of the ports (those are core's: StoreUnavailable, CursorInvalid, ReadTooLarge). */
export const storeErrors = {
  STORE_CORRUPT: 'The file is not a database of this product, is damaged, or was written by a newer version.',
  STORE_MISUSED:
    'A caller asked for something that the store cannot mean. A fault in the code, trying again does not help.',
} as const

/** The file cannot be used as it is; the message names it. */
export class StoreCorrupt extends Error {
  override readonly name = 'StoreCorrupt'
  readonly code = 'STORE_CORRUPT'
}

export class StoreMisused extends Error {
  override readonly name = 'StoreMisused'
  readonly code = 'STORE_MISUSED'
}
