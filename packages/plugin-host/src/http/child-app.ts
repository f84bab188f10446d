import type { IncomingMessage } from 'node:http'
import type { HttpMount } from '@patchbay/contracts/plugin'
import type { FieldError } from '@patchbay/contracts/problem'
import type { Log } from '@patchbay/sdk'
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { HostError, type HostErrorCode, isHostError } from '../errors.ts'
import { pointer } from '../config/plain.ts'
import { type Owner, runOwned } from '../owner.ts'
import { type DescribedRoute, toDescribed } from './described-routes.ts'
import { mountOf, toPath } from './mounts.ts'
import { createRequestId, problemType, toProblem } from './problem.ts'

/** Bodies are this big at most, unless a route says otherwise. */
export const bodyLimitBytes = 256 * 1024
/** What receiving one request may take. */
export const requestTimeoutMs = 30_000
/** What answering one may take: longer than the longest long poll (30 s). */
export const handlerTimeoutMs = 40_000

/** Fastify's own errors, by their codes. */
const ofFramework: Record<string, HostErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'REQUEST_MALFORMED',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'REQUEST_MALFORMED',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_MALFORMED',
  FST_ERR_BAD_URL: 'REQUEST_MALFORMED',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA',
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_MAX_PARAM_LENGTH: 'PATH_UNKNOWN',
  FST_ERR_HANDLER_TIMEOUT: 'TIMEOUT',
}

/** What the host says of a request to a plugin behind the boundary. */
const ofCarrying: ReadonlySet<HostErrorCode> = new Set([
  'INSTANCE_BUSY',
  'PAYLOAD_TOO_LARGE',
  'PLUGIN_ANSWER_TOO_LARGE',
])
const busyRetryAfterSeconds = 1

/** A log in the form that Fastify wants. */
export function toFastifyLog(log: Log): FastifyBaseLogger {
  const line =
    (write: (message: string, fields?: Record<string, unknown>) => void) =>
    (first: unknown, second?: unknown): void => {
      if (typeof first === 'string') return write(first)
      const fields: Record<string, unknown> = first instanceof Error ? { err: first } : { ...Object(first) }
      write(typeof second === 'string' ? second : 'http', fields)
    }
  const made: FastifyBaseLogger = {
    level: 'info',
    silent: () => undefined,
    trace: () => undefined,
    debug: line((message, fields) => log.debug(message, fields)),
    info: line((message, fields) => log.info(message, fields)),
    warn: line((message, fields) => log.warn(message, fields)),
    error: line((message, fields) => log.error(message, fields)),
    fatal: line((message, fields) => log.error(message, fields)),
    child: () => made,
  }
  return made
}

const toFields = (error: FastifyError): FieldError[] =>
  (error.validation ?? []).map(({ instancePath, keyword, params, message }) => {
    const named: unknown = params['missingProperty'] ?? params['additionalProperty']
    return {
      path: typeof named === 'string' ? pointer(instancePath, named) : instancePath,
      code: keyword,
      message: message ?? 'is wrong',
    }
  })

const sendProblem = (
  reply: FastifyReply,
  request: FastifyRequest,
  code: HostErrorCode,
  more: { detail?: string; errors?: readonly FieldError[] } = {},
): FastifyReply => {
  const problem = toProblem(code, request.id, more)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="patchbay"')
  return reply
    .code(problem.status)
    .serializer((body: unknown) => JSON.stringify(body))
    .header('content-type', problemType)
    .send(problem)
}

const isFrameworkError = (error: unknown): error is FastifyError =>
  error instanceof Error && typeof Reflect.get(error, 'code') === 'string'

const answerErrors = (app: FastifyInstance): void => {
  app.setErrorHandler((error, request, reply) => {
    if (isHostError(error) && ofCarrying.has(error.code)) {
      if (error.status === 503) reply.header('retry-after', busyRetryAfterSeconds)
      return sendProblem(reply, request, error.code, { detail: error.message })
    }
    if (isFrameworkError(error)) {
      if (error.validation)
        return sendProblem(reply, request, 'REQUEST_INVALID', { detail: error.message, errors: toFields(error) })
      const known = ofFramework[error.code]
      if (known === 'PAYLOAD_TOO_LARGE')
        return sendProblem(reply, request, known, {
          detail: `The body is larger than this path takes: ${request.routeOptions.bodyLimit ?? bodyLimitBytes} bytes.`,
        })
      if (known) return sendProblem(reply, request, known)
    }
    request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
    return sendProblem(reply, request, 'INTERNAL')
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, request, 'PATH_UNKNOWN', { detail: `There is no ${request.method} ${toPath(request.url)}.` }),
  )
}

export interface ChildAppOptions {
  log: Log
  owner: Owner
  mounts: readonly HttpMount[]
  routes: readonly FastifyPluginAsync[]
  /** The request passed the session check of its mount. */
  admitted(raw: IncomingMessage): boolean
  /** Told of each route that the plugin describes. */
  onDescribed?(route: DescribedRoute): void
  /** Told of each request before anything else. */
  arrive?(raw: IncomingMessage): void
}

/** The Fastify of one instance. It never listens: the dispatcher hands it requests. */
export async function createChildApp(options: ChildAppOptions): Promise<FastifyInstance> {
  const { mounts, owner } = options
  const app: FastifyInstance = fastify({
    loggerInstance: toFastifyLog(options.log),
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: createRequestId,
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    handlerTimeout: handlerTimeoutMs,
    routerOptions: { maxParamLength: 512 },
    ajv: { customOptions: { removeAdditional: false, useDefaults: true } },
  })
  answerErrors(app)
  app.addHook('onRoute', (route) => {
    const { url } = route
    if (mountOf(mounts, url) === undefined)
      throw new HostError(
        'PLUGIN_UNDECLARED',
        `The route ${url} is outside of ${mounts.map(({ prefix }) => prefix).join(', ')}; claim its prefix in plugin.json.`,
      )
    if (options.onDescribed) toDescribed(route, mounts).forEach(options.onDescribed)
  })
  app.addHook('onRequest', async (request, reply) => {
    options.arrive?.(request.raw)
    // The mount of the route itself has the last word, whatever spelling of its path was asked for.
    const route = request.routeOptions.url
    const needsSession = route !== undefined && mountOf(mounts, route)?.auth === 'session'
    return needsSession && !options.admitted(request.raw) ? sendProblem(reply, request, 'AUTH_REQUIRED') : undefined
  })
  // The body arrives in the context of the socket: whoever handles it is the instance's code again.
  app.addHook('preValidation', (_request, _reply, done) => runOwned(owner, done))
  for (const routes of options.routes) await app.register(routes)
  await app.ready()
  return app
}
