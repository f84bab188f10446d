import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const httpRefusals = {
  HTTP_PATH_ENCODING: {
    reason: 'malformed',
    step: 'topic',
    text: 'The path is not UTF-8 in percent-encoding, or holds an encoded slash.',
  },
  HTTP_BODY_ENCODING: { reason: 'malformed', step: 'decode', text: 'The body is not what its Content-Encoding says.' },
  HTTP_BODY_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The body is larger than permitted.' },
  HTTP_IDEMPOTENCY_KEY: {
    reason: 'malformed',
    step: 'header',
    text: 'Idempotency-Key must have 1 to 255 characters.',
  },
  HTTP_WAIT: { reason: 'invalid', step: 'query', text: 'wait must be a whole number of seconds within the limit.' },
  HTTP_NOT_A_DEVICE: {
    reason: 'forbidden',
    step: 'built-in',
    text: 'Only the device itself fetches its commands and shadow here.',
  },
  HTTP_POLLS: { reason: 'quota', step: 'limit', text: 'As many polls for commands are open as permitted.' },
  HTTP_STOPPING: { reason: 'unavailable', step: 'adapter', text: 'The HTTP adapter is stopping. Ask again.' },
} as const
export type HttpRefusalCode = keyof typeof httpRefusals

export function refuse(code: HttpRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = httpRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
