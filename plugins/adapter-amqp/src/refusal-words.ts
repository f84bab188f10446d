import type { EndReason, RefusalReason } from '@patchbay/sdk'

interface Words {
  /** Outcome of a SASL login. [AMQP 5.3.3.6] 1: auth, 4: try again later */
  sasl: 1 | 4
  /** Error condition of a link or connection. [AMQP 2.8.15-2.8.18] */
  condition: string
  /** A refused message may be sent again (released), or never (rejected). [AMQP 3.4] */
  outcome: 'rejected' | 'released'
}

/** The one table from why the platform refuses to the words of AMQP. */
export const words: Readonly<Record<RefusalReason, Words>> = {
  credentials: { sasl: 1, condition: 'amqp:unauthorized-access', outcome: 'rejected' },
  banned: { sasl: 1, condition: 'amqp:unauthorized-access', outcome: 'rejected' },
  forbidden: { sasl: 1, condition: 'amqp:unauthorized-access', outcome: 'rejected' },
  malformed: { sasl: 1, condition: 'amqp:decode-error', outcome: 'rejected' },
  invalid: { sasl: 1, condition: 'amqp:decode-error', outcome: 'rejected' },
  'too-large': { sasl: 1, condition: 'amqp:link:message-size-exceeded', outcome: 'rejected' },
  quota: { sasl: 4, condition: 'amqp:resource-limit-exceeded', outcome: 'released' },
  unavailable: { sasl: 4, condition: 'amqp:internal-error', outcome: 'released' },
}

/** How the end of a session is told to a client; undefined: the client ended it. */
export const endings: Readonly<Record<EndReason, { condition: string; text: string } | undefined>> = {
  'taken-over': { condition: 'amqp:connection:forced', text: 'Another connection took over.' },
  revoked: { condition: 'amqp:unauthorized-access', text: 'The credential or device has ended.' },
  disconnected: { condition: 'amqp:connection:forced', text: 'Disconnected by the platform.' },
  shutdown: { condition: 'amqp:connection:forced', text: 'The platform stops.' },
  closed: undefined,
}
