import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { FieldError, Problem } from '@patchbay/contracts/problem'
import { hostErrors, type HostErrorCode } from '../errors.ts'

export const problemType = 'application/problem+json; charset=utf-8'
const challenge = 'Bearer realm="patchbay"'

export const createRequestId = (): string => randomBytes(12).toString('base64url')

const statusOf = (entry: object): number => ('status' in entry && typeof entry.status === 'number' ? entry.status : 500)

/** RFC 9457 section 3.1. */
export function toProblem(
  code: HostErrorCode,
  requestId: string,
  more: { detail?: string; errors?: readonly FieldError[] } = {},
): Problem {
  const entry = hostErrors[code]
  return {
    type: `/docs/reference/errors#${code}`,
    title: entry.title,
    status: statusOf(entry),
    detail: more.detail ?? entry.text,
    code,
    requestId,
    ...(more.errors && more.errors.length > 0 ? { errors: [...more.errors] } : {}),
  }
}

/** Answers without Fastify, before any plugin has seen the request. The connection ends, so that an unread body is nobody's next request. */
export function sendRawProblem(response: ServerResponse, code: HostErrorCode, retryAfterSeconds?: number): void {
  const problem = toProblem(code, createRequestId())
  response.writeHead(problem.status, {
    'content-type': problemType,
    connection: 'close',
    ...(problem.status === 401 ? { 'www-authenticate': challenge } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  })
  response.end(JSON.stringify(problem))
}
