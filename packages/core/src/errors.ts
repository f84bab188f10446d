import type { RefusalReason } from '@patchbay/contracts/session'
import { Refused } from './refused.ts'

/**
 * Core's one catalogue of errors. A code is never used again for something else; docs/reference/errors.md is made from this list.
 * Refusals of clients say a reason, which each adapter has words for; domain errors say the HTTP status that REST answers.
 */
export const refusals = {
  CREDENTIALS_WRONG: { reason: 'credentials', step: 'credentials', text: 'The secret is wrong or missing.' },
  DEVICE_UNKNOWN: {
    reason: 'credentials',
    step: 'credentials',
    text: 'No device with this id is registered. Create it first.',
  },
  CREDENTIALS_ENDED: {
    reason: 'banned',
    step: 'credentials',
    text: 'This credential was revoked or has expired. Rotate it in the console.',
  },
  CERTIFICATE_FOREIGN: {
    reason: 'credentials',
    step: 'certificate',
    text: 'The client certificate is not one that this installation’s authority issued to a device.',
  },
  CERTIFICATE_NAMELESS: {
    reason: 'credentials',
    step: 'certificate',
    text: 'The client certificate names no device, neither by its CN nor by a URI urn:patchbay:device:{id}.',
  },
  CERTIFICATE_UNKNOWN: {
    reason: 'credentials',
    step: 'certificate',
    text: 'The client certificate is not among those that this device has. Issue a new one.',
  },
  CERTIFICATE_EXPIRED: {
    reason: 'banned',
    step: 'certificate',
    text: 'The client certificate has expired. Issue a new one.',
  },
  CERTIFICATE_EARLY: {
    reason: 'banned',
    step: 'certificate',
    text: 'The client certificate is not valid yet. Compare this machine’s clock.',
  },
  CERTIFICATE_REVOKED: {
    reason: 'banned',
    step: 'certificate',
    text: 'The client certificate was revoked. Issue a new one.',
  },
  PLAIN_FORBIDDEN: {
    reason: 'banned',
    step: 'transport',
    text: 'Plain text is not permitted from this address. Use TLS, or set PATCHBAY_PLAIN.',
  },
  PROVIDER_DENIED: { reason: 'banned', step: 'provider', text: 'An access provider refused the connection.' },
  TOPIC_FORBIDDEN: { reason: 'forbidden', step: 'default', text: 'Nothing allows this topic to this client.' },
  TOPIC_DOWN: { reason: 'forbidden', step: 'down-topic', text: 'Only the platform publishes this topic.' },
  TOPIC_INVALID: {
    reason: 'malformed',
    step: 'topic',
    text: 'The topic is empty, too long, too deep, or holds a wildcard or NUL.',
  },
  FILTER_INVALID: { reason: 'malformed', step: 'topic', text: 'The topic filter is not well formed.' },
  PAYLOAD_MALFORMED: { reason: 'malformed', step: 'decode', text: 'The payload cannot be parsed.' },
  PAYLOAD_INVALID: {
    reason: 'invalid',
    step: 'decode',
    text: 'The payload is outside the limits or not of the expected form.',
  },
  PAYLOAD_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The payload is larger than permitted.' },
  TELEMETRY_FORBIDDEN: {
    reason: 'forbidden',
    step: 'permission',
    text: 'The role of this API key has no permission telemetry.read.',
  },
  TIME_INVALID: { reason: 'invalid', step: 'decode', text: 'The ts is negative or more than 24 h ahead.' },
  KEY_UNDECLARED: { reason: 'invalid', step: 'type', text: 'The strict device type does not declare this key.' },
  VALUE_OUT_OF_RANGE: {
    reason: 'invalid',
    step: 'type',
    text: 'The value is outside what the strict device type declares.',
  },
  KEYS_EXCEEDED: { reason: 'quota', step: 'limit', text: 'The device has as many telemetry keys as permitted.' },
  SESSIONS_EXCEEDED: { reason: 'quota', step: 'limit', text: 'The device has as many live sessions as permitted.' },
  SUBSCRIPTIONS_EXCEEDED: {
    reason: 'quota',
    step: 'limit',
    text: 'The device has as many subscriptions as permitted.',
  },
  LOGIN_RATE: { reason: 'quota', step: 'rate', text: 'Too many refused logins from this address. Wait a while.' },
  INGEST_FULL: {
    reason: 'quota',
    step: 'queue',
    text: 'More messages of this client are waiting to be stored than permitted.',
  },
  CLIENT_ID_FOREIGN: {
    reason: 'forbidden',
    step: 'client-id',
    text: 'The client id is the id of another device, or begins with it. Use your own.',
  },
  BROKER_UNABLE: { reason: 'forbidden', step: 'broker', text: 'This is given to nobody at this broker.' },
  QUESTION_RATE: { reason: 'quota', step: 'rate', text: 'The broker asks more questions in a second than permitted.' },
  COMMAND_UNKNOWN: { reason: 'invalid', step: 'command', text: 'The reply names no open command of this device.' },
  PROVISION_UNHEARD: {
    reason: 'invalid',
    step: 'provisioning',
    text: 'Nobody would hear the answer. Subscribe to provision/response first, on the same connection.',
  },
  PROVISION_UNNAMED: {
    reason: 'invalid',
    step: 'provisioning',
    text: 'The request names neither a deviceId nor a claim, so a repeat of it could not be known from another device.',
  },
  PROVISION_QUOTA: {
    reason: 'quota',
    step: 'provisioning',
    text: 'The quota of this provisioning key is used up. Raise it, or use another key.',
  },
  PROVISION_TAKEN: {
    reason: 'forbidden',
    step: 'provisioning',
    text: 'A device with this id is there already, and the request does not prove to be from it.',
  },
  PROVISION_DONE: {
    reason: 'forbidden',
    step: 'provisioning',
    text: 'The device has its credentials already and has used them. Rotate them in the console, or set reprovision on the key.',
  },
  PROVISION_NOT_REGISTERED: {
    reason: 'forbidden',
    step: 'provisioning',
    text: 'This provisioning key is for registered devices only, and this is none of them. Register it first.',
  },
  PROVISION_ID_FOREIGN: {
    reason: 'forbidden',
    step: 'provisioning',
    text: 'The id does not begin as this provisioning key demands, or is a name of the platform.',
  },
  PROVISION_TYPE_GONE: {
    reason: 'forbidden',
    step: 'provisioning',
    text: 'The device type of this provisioning key does not exist any more. Make a new key.',
  },
  PROVISION_CERTIFICATE: {
    reason: 'invalid',
    step: 'provisioning',
    text: 'No certificate can be issued for this request. Ask without csr.',
  },
  BRIDGE_QUEUE_FULL: {
    reason: 'unavailable',
    step: 'bridge',
    text: 'The queue of a bridge that wants this message is full, since its other side does not take what is sent. Send it again later.',
  },
  STORE_UNAVAILABLE: {
    reason: 'unavailable',
    step: 'store',
    text: 'The store cannot take this now. Send it again later.',
  },
} as const satisfies Record<string, { reason: RefusalReason; step: string; text: string }>
export type RefusalCode = keyof typeof refusals

/** Makes the refusal of a code. `detail` replaces the catalogue's sentence where something more exact can be said. */
export function refuse(
  code: RefusalCode,
  detail?: string,
  more: { step?: string; rule?: string; cause?: unknown } = {},
): Refused {
  const entry = refusals[code]
  const options = {
    ...(more.cause === undefined ? {} : { cause: more.cause }),
    ...(more.rule ? { rule: more.rule } : {}),
  }
  return new Refused(entry.reason, code, more.step ?? entry.step, detail ?? entry.text, options)
}

/** What REST refuses: asked wrongly (4xx) or not now (503). */
export const domainErrors = {
  NOT_FOUND: { status: 404, title: 'Not found' },
  ALREADY_EXISTS: { status: 409, title: 'Already exists' },
  VERSION_CONFLICT: { status: 412, title: 'Changed by someone else meanwhile' },
  SHADOW_CONFLICT: { status: 409, title: 'The shadow has another version' },
  STATE_CONFLICT: { status: 409, title: 'Not possible in this state' },
  TYPE_UNKNOWN: { status: 422, title: 'No such device type' },
  TYPE_IN_USE: { status: 409, title: 'The device type is in use' },
  ROLE_UNKNOWN: { status: 422, title: 'No such role' },
  ROLE_IN_USE: { status: 409, title: 'The role is in use' },
  ROLE_BUILT_IN: { status: 409, title: 'A built-in role cannot be changed' },
  LAST_OWNER: { status: 409, title: 'The last owner cannot be removed' },
  FIELD_INVALID: { status: 422, title: 'A field has a wrong value' },
  CSR_INVALID: { status: 422, title: 'The certificate signing request cannot be used' },
  CERTIFICATES_OFF: { status: 409, title: 'No certificates are issued here' },
  LIMIT_REACHED: { status: 409, title: 'As many as permitted' },
  LOGIN_WRONG: { status: 401, title: 'User or password is wrong' },
  LOGIN_RATE: { status: 429, title: 'Too many tries' },
  LOGIN_BUSY: { status: 503, title: 'Too many logins at once' },
  GRANT_FORBIDDEN: { status: 403, title: 'More than you have yourself' },
  SETUP_DONE: { status: 409, title: 'There is an owner already' },
  SETUP_TOKEN_WRONG: { status: 403, title: 'The setup link is wrong or used' },
  AGGREGATE_MISMATCH: { status: 422, title: 'Not an aggregate for these values' },
  STORE_UNAVAILABLE: { status: 503, title: 'The store cannot answer now' },
} as const
export type DomainErrorCode = keyof typeof domainErrors

/** An error of the domain that a caller of REST can mend. `fields` point at what was wrong. */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: DomainErrorCode
  readonly status: number
  readonly title: string
  readonly fields: readonly { path: string; code: string; message: string }[]
  /** When it may be tried again. */
  readonly retryAfterSeconds: number | undefined
  constructor(
    code: DomainErrorCode,
    detail: string,
    options: ErrorOptions & {
      fields?: readonly { path: string; code: string; message: string }[]
      retryAfterSeconds?: number
    } = {},
  ) {
    super(detail, options)
    this.code = code
    this.status = domainErrors[code].status
    this.title = domainErrors[code].title
    this.fields = options.fields ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
