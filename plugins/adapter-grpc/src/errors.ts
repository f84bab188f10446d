import { Refused } from '@patchbay/sdk'

/** What this adapter itself refuses. Codes are never used again for something else. */
export const grpcRefusals = {
  GRPC_MESSAGE: { reason: 'malformed', step: 'decode', text: 'The message is not as patchbay.proto says.' },
  GRPC_FILTERS: { reason: 'invalid', step: 'limit', text: 'Subscribe takes 1 to 200 filters.' },
  GRPC_NO_CALL: {
    reason: 'credentials',
    step: 'credentials',
    text: 'No call came in time that proved who the client is.',
  },
  GRPC_READS_TOO_SLOWLY: {
    reason: 'quota',
    step: 'limit',
    text: 'The client does not read what it has subscribed to.',
  },
  GRPC_CALL_GONE: { reason: 'unavailable', step: 'delivery', text: 'The call ended before the delivery was written.' },
  GRPC_STOPPING: { reason: 'unavailable', step: 'shutdown', text: 'The adapter is stopping. Call again.' },
} as const
export type GrpcRefusalCode = keyof typeof grpcRefusals

/** `detail` replaces the catalogue's sentence where something more exact can be said. */
export function refuse(code: GrpcRefusalCode, detail?: string, cause?: unknown): Refused {
  const { reason, step, text } = grpcRefusals[code]
  return new Refused(reason, code, step, detail ?? text, cause === undefined ? {} : { cause })
}
