import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RefusedError } from '@patchbay/sdk'
import { httpWords } from './refusal-words.ts'

export interface Problem {
  status: number
  title: string
  code: string
  detail: string
  headers?: Readonly<Record<string, string | string[]>>
}

const challenges = ['Basic realm="patchbay", charset="UTF-8"', 'Bearer realm="patchbay"']

/** A refusal in HTTP's words. */
export function toProblem(refused: RefusedError): Problem {
  const { status, title, retryAfter } = httpWords[refused.reason]
  const headers: Record<string, string | string[]> = {}
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  if (status === 401) headers['www-authenticate'] = challenges
  return { status, title, code: refused.code, detail: refused.message, headers }
}

export const pathUnknown: Problem = {
  status: 404,
  title: 'Not found',
  code: 'PATH_UNKNOWN',
  detail: 'GET knows /v1/devices/{id}/commands and /v1/devices/{id}/shadow/desired. Messages are sent with POST.',
}
export const encodingUnsupported: Problem = {
  status: 415,
  title: 'Unsupported content encoding',
  code: 'HTTP_ENCODING_UNSUPPORTED',
  detail: 'Send the body as it is or with Content-Encoding: gzip.',
  // RFC 9110, section 15.5.16: says what would have been taken.
  headers: { 'accept-encoding': 'gzip' },
}
export const fault: Problem = {
  status: 500,
  title: 'A fault of the platform',
  code: 'INTERNAL',
  detail: 'The fault was logged. Give the request id to whoever runs this.',
}

/** Answers with a body of RFC 9457. */
export const sendProblem = (reply: FastifyReply, request: FastifyRequest, problem: Problem): FastifyReply =>
  reply
    .code(problem.status)
    .headers(problem.headers ?? {})
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(
      JSON.stringify({
        type: `/docs/reference/errors#${problem.code}`,
        title: problem.title,
        status: problem.status,
        detail: problem.detail,
        code: problem.code,
        requestId: request.id,
      }),
    )
