import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AuditTrail, Callers } from '@patchbay/sdk'
import type { Admin, AdminAnswer } from './admin.ts'

const bodyLimitBytes = 1_536 * 1_024
const bases = ['/apisix/admin', '/admin'] as const
const rights = { read: 'plugins.read', write: 'plugins.write' }
const maxSegments = 16

const send = (reply: FastifyReply, status: number, body: unknown): FastifyReply => {
  reply.code(status).header('content-type', 'application/json')
  return body === undefined ? reply.send() : reply.send(JSON.stringify(body))
}
const denied = { error_msg: 'failed to check token', description: 'wrong apikey' }

const toQuery = (query: unknown): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(typeof query === 'object' && query !== null ? query : {}).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, value]] : [],
    ),
  )

const toSegments = (request: FastifyRequest): string[] => {
  const { params } = request
  const rest: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, '*') : ''
  return typeof rest === 'string' ? rest.split('/', maxSegments).filter((segment) => segment !== '') : []
}

const toSeen = (ifMatch: string | undefined): number | undefined => {
  const [, digits] = /^"?(\d{1,15})"?$/.exec(ifMatch ?? '') ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Mounts the Admin API. The key is asked for before a byte of the body is read. */
export function createAdminRoutes(admin: Admin, callers: Callers, audit: AuditTrail): FastifyPluginAsync {
  /** Answers a write, and notes it. */
  const settle = (
    request: FastifyRequest,
    reply: FastifyReply,
    { status, body }: AdminAnswer,
    changes?: unknown,
  ): FastifyReply => {
    const segments = toSegments(request)
    if (request.method !== 'GET' && segments[0] !== 'schema')
      audit.record(request.raw, {
        status,
        requestId: request.id,
        target: segments.slice(0, 2).join('/'),
        ...(changes === undefined ? {} : { changes }),
      })
    return send(reply, status, body)
  }
  return async (app) => {
    // curl names no JSON when it sends some, and the users of this API send by curl.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: bodyLimitBytes }, (_request, body, done) =>
      done(null, body),
    )
    for (const base of bases)
      app.route({
        method: ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'],
        url: `${base}/*`,
        bodyLimit: bodyLimitBytes,
        async onRequest(request, reply) {
          const right = request.method === 'GET' ? rights.read : rights.write
          if (await callers.may(request.raw, right)) return undefined
          return settle(request, reply, { status: 401, body: denied })
        },
        async handler(request, reply) {
          const { method } = request
          if (method !== 'GET' && audit.isFull())
            return send(reply, 503, { error_msg: 'changes are refused until the audit trail is written' })
          let body: unknown
          if (typeof request.body === 'string' && request.body !== '') {
            try {
              body = JSON.parse(request.body)
            } catch (error) {
              const fault = `invalid request body: ${error instanceof Error ? error.message : ''}`
              return settle(request, reply, { status: 400, body: { error_msg: fault } })
            }
          }
          const answer = await admin.handle({
            method,
            segments: toSegments(request),
            query: toQuery(request.query),
            body,
            seen: toSeen(request.headers['if-match']),
          })
          return settle(request, reply, answer, body)
        },
      })
  }
}
