import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const amqpRefusals = {
  AMQP_MALFORMED: { reason: 'malformed', step: 'framing', text: 'The bytes break the specification of AMQP 1.0.' },
  AMQP_FRAME_TOO_LARGE: { reason: 'too-large', step: 'framing', text: 'The frame is larger than permitted.' },
  AMQP_MESSAGE_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The message is larger than permitted.' },
  AMQP_BODY: {
    reason: 'malformed',
    step: 'decode',
    text: 'The body must be data sections, or one value that is text or binary.',
  },
  AMQP_NO_TOPIC: {
    reason: 'malformed',
    step: 'topic',
    text: 'Neither the target of the link nor the `to` of the message names a topic.',
  },
  AMQP_SASL: {
    reason: 'credentials',
    step: 'credentials',
    text: 'Log in by SASL PLAIN, or EXTERNAL with a client certificate.',
  },
  AMQP_LOGIN_TIMEOUT: { reason: 'credentials', step: 'credentials', text: 'No login came in time.' },
  AMQP_LIMIT: { reason: 'quota', step: 'limit', text: 'More sessions, links or unfinished messages than permitted.' },
  AMQP_CREDIT: { reason: 'quota', step: 'limit', text: 'The client sent more than its credit.' },
  AMQP_READS_TOO_SLOWLY: { reason: 'quota', step: 'limit', text: 'The client does not take what it has asked for.' },
  AMQP_IDLE: { reason: 'unavailable', step: 'idle', text: 'Nothing came for longer than the idle time-out.' },
  AMQP_NOT_ACCEPTED: { reason: 'invalid', step: 'delivery', text: 'The client did not accept the delivery.' },
  AMQP_CONNECTION_GONE: {
    reason: 'unavailable',
    step: 'delivery',
    text: 'The link ended before the client had accepted the delivery.',
  },
  AMQP_STOPPING: { reason: 'unavailable', step: 'shutdown', text: 'The adapter is stopping. Connect again.' },
} as const
export type AmqpRefusalCode = keyof typeof amqpRefusals

/** `detail` replaces the catalogue's sentence where something more exact can be said. */
export function refuse(code: AmqpRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = amqpRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
