import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const webSocketRefusals = {
  WS_FRAME_INVALID: { reason: 'malformed', step: 'frame', text: 'The frame is not as described.' },
  WS_FRAME_TOO_LARGE: { reason: 'too-large', step: 'limit', text: 'The frame is larger than permitted.' },
  WS_PROTOCOL: { reason: 'malformed', step: 'framing', text: 'The bytes are not a WebSocket of RFC 6455.' },
  WS_AUTH_FIRST: {
    reason: 'credentials',
    step: 'credentials',
    text: 'The first frame must be {"auth": {"id", "secret"}}.',
  },
  WS_AUTH_TIMEOUT: { reason: 'credentials', step: 'credentials', text: 'No login came in time.' },
  WS_LOGINS_WAITING: { reason: 'quota', step: 'limit', text: 'Too many connections have not logged in yet.' },
  WS_ORIGIN: {
    reason: 'forbidden',
    step: 'origin',
    text: 'A page of another site may not lean on what the browser knows. Log in by the first frame, or add the origin.',
  },
  WS_READS_TOO_SLOWLY: { reason: 'quota', step: 'limit', text: 'The client does not read what it has subscribed to.' },
  WS_CONNECTION_GONE: {
    reason: 'unavailable',
    step: 'delivery',
    text: 'The connection ended before the acknowledgement.',
  },
  WS_STOPPING: { reason: 'unavailable', step: 'shutdown', text: 'The adapter is stopping. Connect again.' },
} as const
export type WebSocketRefusalCode = keyof typeof webSocketRefusals

/** `detail` replaces the catalogue's sentence where something more exact can be said. */
export function refuse(code: WebSocketRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = webSocketRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
