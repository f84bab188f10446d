import type { EndReason, RefusalReason } from '@patchbay/sdk'

/** Close codes of RFC 6455, section 7.4.1, and of its registry. */
export const closeCodes = { goingAway: 1001, unsupported: 1003, policy: 1008, tooLarge: 1009, tryLater: 1013 } as const

interface Words {
  /** The answer to an upgrade that is refused. */
  status: number
  title: string
  /** How a connection closes that was refused its login. */
  close: number
}

/** The one table from why the platform refuses to this protocol's words; a refused message is answered by an error frame. */
export const words: Readonly<Record<RefusalReason, Words>> = {
  credentials: { status: 401, title: 'Not authenticated', close: closeCodes.policy },
  banned: { status: 403, title: 'Not permitted', close: closeCodes.policy },
  forbidden: { status: 403, title: 'Not permitted', close: closeCodes.policy },
  malformed: { status: 400, title: 'Malformed', close: closeCodes.policy },
  invalid: { status: 422, title: 'Outside the limits', close: closeCodes.policy },
  'too-large': { status: 413, title: 'Too large', close: closeCodes.tooLarge },
  quota: { status: 429, title: 'Too much', close: closeCodes.tryLater },
  unavailable: { status: 503, title: 'Not possible now', close: closeCodes.tryLater },
}

/** How a session's end is told; undefined: the client ended it. */
export const endings: Readonly<Record<EndReason, { code: number; reason: string } | undefined>> = {
  'taken-over': { code: closeCodes.policy, reason: 'Another connection took over.' },
  revoked: { code: closeCodes.policy, reason: 'The credential or device has ended.' },
  disconnected: { code: closeCodes.tryLater, reason: 'Disconnected by the platform.' },
  shutdown: { code: closeCodes.goingAway, reason: 'The platform stops.' },
  closed: undefined,
}
