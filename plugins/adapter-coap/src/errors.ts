import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const coapRefusals = {
  COAP_PATH: { reason: 'malformed', step: 'topic', text: 'The path is not UTF-8, or a segment holds a slash.' },
  COAP_QUERY: { reason: 'malformed', step: 'query', text: 'The query is not UTF-8 in the form name=value.' },
  COAP_BLOCK: { reason: 'malformed', step: 'block', text: 'The block option and the payload do not fit together.' },
  COAP_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The message is larger than permitted.' },
  COAP_UPLOADS_FULL: { reason: 'unavailable', step: 'limit', text: 'As many uploads are open as permitted.' },
  COAP_BUSY: { reason: 'unavailable', step: 'limit', text: 'As many requests are under way as permitted.' },
  COAP_OBSERVERS_FULL: { reason: 'quota', step: 'limit', text: 'As many endpoints observe as permitted.' },
  COAP_NOT_A_DEVICE: {
    reason: 'forbidden',
    step: 'built-in',
    text: 'Only the device itself reads its commands and shadow here.',
  },
  COAP_OUTBOX_FULL: { reason: 'quota', step: 'limit', text: 'The endpoint does not acknowledge what it is sent.' },
  COAP_NOT_ACKNOWLEDGED: { reason: 'unavailable', step: 'delivery', text: 'The endpoint did not acknowledge it.' },
  COAP_KEY_WRONG: { reason: 'credentials', step: 'credentials', text: 'The pre-shared key was not proved.' },
  COAP_STOPPING: { reason: 'unavailable', step: 'adapter', text: 'The CoAP adapter is stopping. Send it again.' },
} as const
export type CoapRefusalCode = keyof typeof coapRefusals

export function refuse(code: CoapRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = coapRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
