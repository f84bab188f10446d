import type { RefusalReason, RefusedError } from '@patchbay/contracts/session'

/**
 * The typed failures of a plugin. Host and SDK know each other by brand and name, never by `instanceof`, so that a plugin that carries
 * its own copy of the SDK is understood all the same.
 */
const brand = Symbol.for('patchbay.failure')

/** What a typed failure says: try later, a person must act, or a client is refused. */
export type FailureKind = 'not-ready' | 'bad-config' | 'refused'

abstract class Failure extends Error {
  readonly [brand]: FailureKind
  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this[brand] = kind
  }
}

/** The other side is not there yet. The host tries again after 5, 10, 20, 40, then every 80 seconds. */
export class NotReady extends Failure {
  override readonly name = 'NotReady'
  constructor(message: string, options?: ErrorOptions) {
    super('not-ready', message, options)
  }
}

/** The configuration is wrong and only a person can mend it. `path` is a JSON pointer to the field, such as `/host`. */
export class BadConfig extends Failure {
  override readonly name = 'BadConfig'
  /** JSON pointer to the field. */
  readonly path: string
  constructor(path: string, message: string, options?: ErrorOptions) {
    super('bad-config', message, options)
    this.path = path
  }
}

/** Why the platform, or an adapter, refuses a client: see `RefusalReason`. */
export class Refused extends Failure implements RefusedError {
  override readonly name = 'Refused'
  readonly reason: RefusalReason
  /** A code of docs/reference/errors.md, such as `TOPIC_FORBIDDEN`. */
  readonly code: string
  /** Which check refused, as `/api/v1/refusals` shows it. */
  readonly step: string
  constructor(reason: RefusalReason, code: string, step: string, message: string, options?: ErrorOptions) {
    super('refused', message, options)
    this.reason = reason
    this.code = code
    this.step = step
  }
}

/** Which typed failure an error is, whichever copy of the SDK made it; undefined for any other error. */
export function failureKind(error: unknown): FailureKind | undefined {
  if (typeof error !== 'object' || error === null || !(brand in error)) return undefined
  const kind = error[brand]
  return kind === 'not-ready' || kind === 'bad-config' || kind === 'refused' ? kind : undefined
}

/** A refusal, whoever made it: core, the host or a copy of the SDK. */
export const isRefused = (error: unknown): error is RefusedError => failureKind(error) === 'refused'
/** A `NotReady` of any copy of the SDK. */
export const isNotReady = (error: unknown): error is NotReady => failureKind(error) === 'not-ready'
/** A `BadConfig` of any copy of the SDK. */
export const isBadConfig = (error: unknown): error is BadConfig => failureKind(error) === 'bad-config'
