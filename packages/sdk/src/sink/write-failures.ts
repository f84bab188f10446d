/** The target refused what was sent and will refuse it again. The message is its own words. */
export class WriteRefused extends Error {
  override readonly name = 'WriteRefused'
}

/** The target asked to wait, as by Retry-After. The message is its own words. */
export class WriteLater extends Error {
  override readonly name = 'WriteLater'
  readonly afterMs: number
  constructor(message: string, afterMs: number, options?: ErrorOptions) {
    super(message, options)
    this.afterMs = afterMs
  }
}
