/** What a viewer's request is refused with, in an `error` frame. A code is never used again for something else. */
export const liveErrors = {
  LIVE_FRAME_INVALID: { title: 'The frame is not JSON of the described form' },
  LIVE_KIND_UNKNOWN: { title: 'There is nothing of this kind to follow' },
  LIVE_IDS_INVALID: { title: 'The ids do not fit the kind' },
  LIVE_FORBIDDEN: { title: 'A permission is missing' },
  LIVE_SUBSCRIPTIONS_EXCEEDED: { title: 'The socket has as many subscriptions as permitted' },
  LIVE_FULL: { title: 'As much is followed as permitted' },
  LIVE_UNAVAILABLE: { title: 'The store cannot answer now' },
} as const
export type LiveErrorCode = keyof typeof liveErrors

/** A request of a viewer that is refused; the socket stays. */
export class LiveError extends Error {
  override readonly name = 'LiveError'
  readonly code: LiveErrorCode
  constructor(code: LiveErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.code = code
  }
}

/** RFC 6455 section 7.4.1. */
export const closeCodes = { goingAway: 1001, policy: 1008, tooBig: 1009, tryLater: 1013 } as const
