import type { EndReason, RefusalReason, RefusedError } from '@patchbay/sdk'

/** Status codes of gRPC that are said here. */
export const status = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  aborted: 10,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** The one table from why the platform refuses to gRPC's words. Clients send again what is exhausted or unavailable, and nothing else. */
const words: Readonly<Record<RefusalReason, number>> = {
  credentials: status.unauthenticated,
  banned: status.permissionDenied,
  forbidden: status.permissionDenied,
  malformed: status.invalidArgument,
  invalid: status.invalidArgument,
  'too-large': status.invalidArgument,
  quota: status.resourceExhausted,
  unavailable: status.unavailable,
}

export const codeOf = ({ reason }: RefusedError): number => words[reason]

/** A lone half of a surrogate pair, which a topic may bring, cannot be sent in a trailer. */
export const detailOf = ({ code, message }: RefusedError): string => `${code}: ${message}`.toWellFormed()

export const toStatus = (refused: RefusedError) => ({ code: codeOf(refused), details: detailOf(refused) })

/** How the end of a session is told to its stream. */
export const endings: Readonly<Record<EndReason, { code: number; details: string }>> = {
  'taken-over': { code: status.aborted, details: 'Another stream took over.' },
  revoked: { code: status.permissionDenied, details: 'The credential or device has ended.' },
  disconnected: { code: status.unavailable, details: 'Disconnected by the platform.' },
  shutdown: { code: status.unavailable, details: 'The platform stops.' },
  closed: { code: status.ok, details: '' },
}
