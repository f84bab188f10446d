import type { FieldError, Problem } from '@patchbay/contracts/problem'
import { CursorInvalid } from '@patchbay/core/cursor-invalid'
import { DomainError } from '@patchbay/core/errors'
import { isRefused } from '@patchbay/core/refused'
import { StoreUnavailable } from '@patchbay/core/store-unavailable'
import { ReadTooLarge } from '@patchbay/core/telemetry/read-too-large'
import type { RefusalReason, RefusedError } from '@patchbay/contracts/session'
import { type HostError, isHostError } from '@patchbay/plugin-host/errors'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { RestError, restErrors, type RestErrorCode } from './errors.ts'
import type { RestApp } from './route-deps.ts'

/** What a client is told to wait when the store is away. */
const storeRetrySeconds = 5
/** A body with a thousand wrong items is answered with the first of them. */
const maxFieldErrors = 50

interface Refusal {
  code: string
  status: number
  title: string
  detail: string
  fields?: readonly FieldError[]
  retryAfterSeconds?: number | undefined
}

const refusal = (code: RestErrorCode, detail: string, fields: readonly FieldError[] = []): Refusal => ({
  code,
  ...restErrors[code],
  detail,
  fields,
})

const pointerEscape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** Ajv says a missing or surplus field at its parent; a person looks for the field itself. */
const toFieldErrors = (error: FastifyError): FieldError[] =>
  (error.validation ?? []).slice(0, maxFieldErrors).map(({ instancePath, keyword, params, message }) => {
    const named: unknown = params['missingProperty'] ?? params['additionalProperty']
    const path = typeof named === 'string' ? `${instancePath}/${pointerEscape(named)}` : instancePath
    return {
      path,
      code: keyword,
      message: keyword === 'additionalProperties' ? 'is not known here' : (message ?? 'is wrong'),
    }
  })

const inWords = (fields: readonly FieldError[]): string =>
  fields
    .slice(0, 3)
    .map(({ path, message }) => `${path === '' ? 'it' : path} ${message}`)
    .join('; ')

const ofValidation = (error: FastifyError): Refusal => {
  const fields = toFieldErrors(error)
  return error.validationContext === 'body'
    ? refusal('REQUEST_INVALID', `The body is not as described: ${inWords(fields)}.`, fields)
    : refusal(
        'QUERY_INVALID',
        `The ${error.validationContext ?? 'query'} is not as described: ${inWords(fields)}.`,
        fields,
      )
}

/** Fastify's own errors, by their codes. */
const ofFramework: Record<string, Refusal> = {
  FST_ERR_CTP_INVALID_JSON_BODY: refusal('REQUEST_MALFORMED', 'The body is not valid JSON.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: refusal('REQUEST_MALFORMED', 'The body is not as long as Content-Length says.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: refusal('UNSUPPORTED_MEDIA', 'Send the body as application/json.'),
  FST_ERR_CTP_BODY_TOO_LARGE: refusal('PAYLOAD_TOO_LARGE', 'The body is larger than this path takes.'),
  FST_ERR_BAD_URL: refusal('REQUEST_MALFORMED', 'The path is not well formed.'),
  FST_ERR_MAX_PARAM_LENGTH: refusal('PATH_UNKNOWN', 'A part of the path is too long.'),
  FST_ERR_HANDLER_TIMEOUT: { ...refusal('TIMEOUT', 'The request took too long. Try again.'), retryAfterSeconds: 5 },
}

const isFrameworkError = (error: unknown): error is FastifyError =>
  error instanceof Error && typeof Reflect.get(error, 'code') === 'string'

/** What REST says of a message that the platform refused (contract, section 4). */
const ofReason: Record<RefusalReason, { status: number; title: string; retryAfterSeconds?: number }> = {
  credentials: { status: 401, title: 'The credentials are wrong' },
  banned: { status: 403, title: 'Not permitted' },
  forbidden: { status: 403, title: 'Not permitted' },
  malformed: { status: 400, title: 'It cannot be parsed' },
  invalid: { status: 422, title: 'It is outside what is permitted' },
  'too-large': { status: 413, title: 'It is larger than permitted' },
  quota: { status: 429, title: 'Too many', retryAfterSeconds: storeRetrySeconds },
  unavailable: { status: 503, title: 'Not possible now', retryAfterSeconds: storeRetrySeconds },
}
const ofRefused = ({ reason, code, message }: RefusedError): Refusal => ({ code, detail: message, ...ofReason[reason] })

/** The host points into a configuration, a caller looks in the body that holds it. Those without a status answer no request. */
const ofHost = ({ code, status, title, message, fields }: HostError): Refusal | undefined =>
  status === undefined
    ? undefined
    : {
        code,
        status,
        title,
        detail: message,
        fields: fields.map((field) => ({ ...field, path: `/config/${field.path.replace(/^\//, '')}` })),
        ...(status === 503 ? { retryAfterSeconds: storeRetrySeconds } : {}),
      }

/** Undefined: a fault of ours, of which the caller learns nothing but the request's id. */
const toRefusal = (error: unknown): Refusal | undefined => {
  if (error instanceof RestError || error instanceof DomainError) {
    const { code, status, title, message, fields, retryAfterSeconds } = error
    return { code, status, title, detail: message, fields, retryAfterSeconds }
  }
  if (error instanceof CursorInvalid)
    return refusal('CURSOR_INVALID', 'The cursor was not answered by this list. Start again without it.')
  if (error instanceof StoreUnavailable)
    return {
      code: 'STORE_UNAVAILABLE',
      status: 503,
      title: 'The store cannot answer now',
      detail: 'Nothing was changed. Try again in a few seconds.',
      retryAfterSeconds: storeRetrySeconds,
    }
  if (isRefused(error)) return ofRefused(error)
  if (isHostError(error)) return ofHost(error)
  if (error instanceof ReadTooLarge)
    return refusal('READ_TOO_LARGE', 'Ask for a shorter period, fewer keys or fewer points.')
  if (!isFrameworkError(error)) return undefined
  if (error.validation) return ofValidation(error)
  const known = ofFramework[error.code]
  if (known) return known
  const status = error.statusCode ?? 500
  // Body parsers of Node and Fastify throw plain 400s whose texts are about the request alone.
  return status === 400 || error instanceof SyntaxError
    ? refusal('REQUEST_MALFORMED', 'The request cannot be parsed.')
    : undefined
}

/** The answer to a failed request. Exported for hooks that answer by themselves. */
export const sendProblem = (reply: FastifyReply, request: FastifyRequest, refused: Refusal): FastifyReply => {
  const problem: Problem = {
    type: `/docs/reference/errors#${refused.code}`,
    title: refused.title,
    status: refused.status,
    detail: refused.detail,
    code: refused.code,
    requestId: request.id,
    ...(refused.fields && refused.fields.length > 0 ? { errors: [...refused.fields] } : {}),
  }
  request.problemCode = refused.code
  if (refused.retryAfterSeconds !== undefined)
    reply.header('retry-after', Math.max(1, Math.ceil(refused.retryAfterSeconds)))
  if (refused.status === 401) reply.header('www-authenticate', 'Bearer realm="patchbay"')
  // Already text: a route's own response schemas have no say in how a refusal looks.
  return reply
    .code(refused.status)
    .serializer((body: unknown) => JSON.stringify(body))
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(problem)
}

const unknownFault = refusal('INTERNAL', 'The fault was logged. Give the request id to whoever runs this.')

/** Requests that never reach a route (a path that cannot be decoded), and with that no hook. */
export const answerFrameworkError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
  sendProblem(reply, request, toRefusal(error) ?? unknownFault)
}

export const registerProblems = (app: RestApp): void => {
  app.decorateRequest('problemCode', undefined)
  app.setErrorHandler((error, request, reply) => {
    const refused = toRefusal(error)
    if (!refused) request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
    else if (refused.status >= 500) request.log.warn({ err: error, code: refused.code }, 'request not possible now')
    return sendProblem(reply, request, refused ?? unknownFault)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, request, refusal('PATH_UNKNOWN', `There is no ${request.method} ${request.url.split('?')[0]}.`)),
  )
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that was answered, for the audit trail. */
    problemCode: string | undefined
  }
}
