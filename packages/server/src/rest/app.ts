import { randomBytes } from 'node:crypto'
import cookie from '@fastify/cookie'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { LogController, type FastifyBaseLogger } from 'fastify'
import { authenticate } from './auth.ts'
import { auditWrites } from './audit.ts'
import { keepOwned } from './owned.ts'
import { readJson } from './json-body.ts'
import { describe } from './openapi.ts'
import { answerFrameworkError, registerProblems } from './problem.ts'
import type { RestApp, GeneralDeps, Routes } from './route-deps.ts'
import { sharedSchemas } from './schemas.ts'
import { secureHeaders } from './secure-headers.ts'
import { measureRequests } from './request-metrics.ts'
import { createSerializerCompiler } from './serializer.ts'
import { createValidatorCompiler } from './validator.ts'

/** The whole time one request may take; the raw server that listens uses it for receiving, too. */
export const requestTimeoutMs = 30_000
/** Bodies are this big at most, or up to `maxBodyLimitBytes` where a route says so. */
export const bodyLimitBytes = 256 * 1024
export const maxBodyLimitBytes = 1024 * 1024

/**
 * Builds the REST application. It never listens: the front door's HTTP server calls `app.routing(request, response)`.
 *
 * Order of what a request passes: headers, who is at the other end, login, right, body, validation, the route; then the audit.
 */
export const createRestApp = async <Deps extends GeneralDeps>(
  deps: Deps,
  routes: readonly Routes<Deps>[],
): Promise<RestApp> => {
  const app: RestApp = fastify({
    loggerInstance: deps.log satisfies FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: () => randomBytes(12).toString('base64url'),
    frameworkErrors: answerFrameworkError,
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    handlerTimeout: requestTimeoutMs,
    routerOptions: { maxParamLength: 512 },
  }).withTypeProvider<TypeBoxTypeProvider>()
  for (const schema of sharedSchemas) app.addSchema(schema)
  const atStart = deps.compileAtStart ?? false
  app.setValidatorCompiler(createValidatorCompiler(sharedSchemas, atStart))
  app.setSerializerCompiler(createSerializerCompiler(app.getSchemas(), atStart))
  registerProblems(app)
  readJson(app)
  await app.register(cookie)
  secureHeaders(app, deps)
  measureRequests(app, deps)
  authenticate(app, deps)
  auditWrites(app, deps)
  keepOwned(app, deps)
  await describe(app, deps)
  for (const register of routes) register(app, deps)
  await app.ready()
  return app
}
