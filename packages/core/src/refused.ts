import type { RefusalReason, RefusedError } from '@patchbay/contracts/session'

/** The brand by which hosts and adapters know the failure, whoever made it (the SDK uses the same one). */
const brand = Symbol.for('patchbay.failure')

/** Core's own refusal of a client; `errors.ts` has the codes. */
export class Refused extends Error implements RefusedError {
  readonly [brand] = 'refused'
  override readonly name = 'Refused'
  readonly reason: RefusalReason
  readonly code: string
  readonly step: string
  /** Id of the access rule or name of the provider that made it. */
  readonly rule: string | undefined

  constructor(
    reason: RefusalReason,
    code: string,
    step: string,
    message: string,
    options?: ErrorOptions & { rule?: string },
  ) {
    super(message, options)
    this.reason = reason
    this.code = code
    this.step = step
    this.rule = options?.rule
  }
}

export const isRefused = (error: unknown): error is RefusedError =>
  typeof error === 'object' && error !== null && brand in error && error[brand] === 'refused'
