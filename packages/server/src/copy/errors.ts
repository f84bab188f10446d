/** Why a copy between stores is not made; the message says what to do. A code is never used again for something else. */
export const copyErrors = {
  COPY_TARGET_TAKEN: 'The store to copy into holds something already.',
  COPY_DIFFERS: 'What was read back from the target is not what the source holds.',
  COPY_UNFINISHED: 'A copy into this store was begun and not finished.',
} as const
export type CopyErrorCode = keyof typeof copyErrors

export class CopyError extends Error {
  override readonly name = 'CopyError'
  readonly code: CopyErrorCode
  constructor(code: CopyErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
