import type { FastifyReply } from 'fastify'
import type { RefusalReason, RefusedError } from '@patchbay/sdk'

/** What clients take us for: the version whose answers these are held against. */
export const version = '1.13.2-patchbay'

const words: Readonly<Record<RefusalReason, { status: number; code: string; retryAfter?: number }>> = {
  credentials: { status: 401, code: 'unauthorized' },
  banned: { status: 403, code: 'forbidden' },
  forbidden: { status: 403, code: 'forbidden' },
  malformed: { status: 400, code: 'invalid' },
  invalid: { status: 400, code: 'invalid' },
  'too-large': { status: 413, code: 'request too large' },
  quota: { status: 429, code: 'too many requests', retryAfter: 1 },
  unavailable: { status: 503, code: 'unavailable', retryAfter: 5 },
}

const codeOf: Readonly<Record<number, string>> = { 400: 'invalid', 403: 'forbidden', 500: 'internal error' }

/** Answers an error as both versions have it: `error` is read by clients of version 1, `code` and `message` by those of version 2. */
export function sendError(
  reply: FastifyReply,
  status: number,
  error: string,
  more: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const code = more['code'] ?? codeOf[status]
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .header('x-influxdb-error', toHeader(error))
    .send(`${JSON.stringify({ error, ...(code === undefined ? {} : { code, message: error }), ...more })}\n`)
}

const maxHeaderChars = 500
/** A header holds visible ASCII; text of clients may hold anything. */
const toHeader = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, maxHeaderChars)

export function sendRefused(reply: FastifyReply, refused: RefusedError): FastifyReply {
  const { status, code, retryAfter } = words[refused.reason]
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  if (status === 401) reply.header('www-authenticate', 'Basic realm="InfluxDB"')
  // The body of a refused write may still be on its way.
  if (status === 413 || status === 401) reply.header('connection', 'close')
  return sendError(reply, status, refused.message, { code })
}
