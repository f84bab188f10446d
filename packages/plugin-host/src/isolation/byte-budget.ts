import { HostError } from '../errors.ts'

/** What one of those who share it holds. */
export interface ByteLease {
  /** Throws INSTANCE_BUSY when there is not so much left. */
  take(bytes: number): void
  /** Gives all of it back. */
  close(): void
}

/** Memory that several share. */
export interface ByteBudget {
  open(): ByteLease
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let taken = 0
  return {
    open() {
      let mine = 0
      return {
        take(bytes) {
          if (taken + bytes > maxBytes)
            throw new HostError('INSTANCE_BUSY', 'Too much is under way to this plugin and from it. Try again later.')
          taken += bytes
          mine += bytes
        },
        close() {
          taken -= mine
          mine = 0
        },
      }
    },
  }
}
