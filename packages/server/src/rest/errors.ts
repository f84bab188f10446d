import type { FieldError } from '@patchbay/contracts/problem'

/** The REST application's own catalogue; the domain's is in core's errors.ts. A code is never used again for something else. */
export const restErrors = {
  REQUEST_MALFORMED: { status: 400, title: 'The request cannot be parsed' },
  QUERY_INVALID: { status: 400, title: 'The address holds a wrong value' },
  CURSOR_INVALID: { status: 400, title: 'No such page' },
  AUTH_REQUIRED: { status: 401, title: 'Log in first' },
  AUTH_ENDED: { status: 401, title: 'This session or key has ended' },
  AUTH_FORBIDDEN: { status: 403, title: 'Not permitted' },
  ORIGIN_FORBIDDEN: { status: 403, title: 'Sent by another site' },
  PLAIN_FORBIDDEN: { status: 403, title: 'Plain text is not permitted from this address' },
  PATH_UNKNOWN: { status: 404, title: 'Nothing is here' },
  CHANNEL_UNKNOWN: { status: 404, title: 'No such channel' },
  CHANNEL_NAME_TAKEN: { status: 409, title: 'Another channel has this name' },
  SETTING_FIXED: { status: 409, title: 'The environment settles this' },
  CERTIFICATE_UNFIT: { status: 422, title: 'The certificate cannot be shown' },
  CHANNEL_BUILT_IN: { status: 409, title: 'This channel stays' },
  CONFIGURATION_OWNED: { status: 409, title: 'A file says how this is' },
  CONFIGURATION_INVALID: { status: 422, title: 'The configuration is not as described' },
  CONFIGURATION_VARIABLE: { status: 422, title: 'A variable of the configuration has no value' },
  BACKUP_UNKNOWN: { status: 404, title: 'No such backup' },
  BACKUP_RUNNING: { status: 409, title: 'A backup is being made' },
  BACKUPS_OFF: { status: 409, title: 'There is no folder for backups' },
  PRECONDITION_INVALID: { status: 400, title: 'If-Match cannot be read' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is larger than permitted' },
  UNSUPPORTED_MEDIA: { status: 415, title: 'The body has an unknown type' },
  REQUEST_INVALID: { status: 422, title: 'A field has a wrong value' },
  READ_TOO_LARGE: { status: 422, title: 'The read would look at too much' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  INTERNAL: { status: 500, title: 'Something went wrong inside' },
  CONFIGURATION_UNREADABLE: { status: 503, title: 'A part of the configuration cannot be read now' },
  ROLE_MISSING: { status: 503, title: 'Not a part of this node' },
  AUDIT_FULL: { status: 503, title: 'The audit trail cannot keep up' },
  CONSOLE_NOT_BUILT: { status: 503, title: 'The console is not built' },
  TIMEOUT: { status: 503, title: 'It took too long' },
} as const
export type RestErrorCode = keyof typeof restErrors

/** A request refused by the REST application itself. Routes may throw it too. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly code: RestErrorCode
  readonly status: number
  readonly title: string
  readonly fields: readonly FieldError[]
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: RestErrorCode,
    detail: string,
    options: ErrorOptions & { fields?: readonly FieldError[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail, options)
    this.code = code
    this.status = restErrors[code].status
    this.title = restErrors[code].title
    this.fields = options.fields ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** A mistake in our own code, seen while the application is built: it ends the start. */
export class RestDefect extends Error {
  override readonly name = 'RestDefect'
}
