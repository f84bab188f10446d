import type { FastifyReply, FastifyRequest } from 'fastify'
import { RestError } from './errors.ts'
import type { RestApp, GeneralDeps } from './route-deps.ts'

const readMethods = new Set(['GET', 'HEAD', 'OPTIONS'])
const retrySeconds = 5
/** Strangers' refusals that are worth an entry; all others would let anybody fill the disk. */
const auditedStrangers = new Set(['LOGIN_WRONG', 'SETUP_TOKEN_WRONG'])

const isWrite = (request: FastifyRequest): boolean => !readMethods.has(request.method) && !request.is404

/** A stranger is taken down when he got in, or tried a secret. Refused people and keys always are. */
const isAudited = (request: FastifyRequest, reply: FastifyReply): boolean =>
  isWrite(request) &&
  request.routeOptions.config.unaudited !== true &&
  (request.caller !== undefined || reply.statusCode < 400 || auditedStrangers.has(request.problemCode ?? ''))

const changesOf = (request: FastifyRequest): { changes?: unknown } => {
  if (request.auditChanges !== undefined) return { changes: request.auditChanges }
  const { body } = request
  if (body === undefined || body === null) return {}
  if (Buffer.isBuffer(body) || typeof body === 'string') return { changes: { bytes: Buffer.byteLength(body) } }
  // A stream, or what a parser of the route's own made.
  if (typeof body === 'object' && 'pipe' in body) return {}
  return { changes: body }
}

const targetOf = (request: FastifyRequest): { target?: string } => {
  if (request.auditTarget !== undefined) return { target: request.auditTarget }
  const { params } = request
  const id: unknown = typeof params === 'object' && params !== null ? Object.values(params)[0] : undefined
  return typeof id === 'string' ? { target: id } : {}
}

/** Every write goes into the trail, before it is answered: who, from where, what, and what came of it. */
export const auditWrites = (app: RestApp, { people }: GeneralDeps): void => {
  app.decorateRequest('auditActor', undefined)
  app.decorateRequest('auditTarget', undefined)
  app.decorateRequest('auditChanges', undefined)
  app.addHook('preHandler', async (request) => {
    if (isWrite(request) && people.audit.isFull())
      throw new RestError('AUDIT_FULL', 'Changes are refused until the audit trail is written.', {
        retryAfterSeconds: retrySeconds,
      })
  })
  const audited = new WeakSet<FastifyRequest>()
  const record = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (audited.has(request) || !isAudited(request, reply)) return
    audited.add(request)
    await people.audit.record({
      actor: request.auditActor ?? request.caller?.actor ?? 'anonymous',
      address: request.peer.address,
      action: `${request.method} ${request.url.split('?')[0] ?? ''}`,
      ...targetOf(request),
      outcome: reply.statusCode < 400 ? 'done' : 'refused',
      status: reply.statusCode,
      requestId: request.id,
      ...changesOf(request),
    })
  }
  // Killed after an answer, the platform must not have forgotten who asked.
  app.addHook('onSend', async (request, reply, payload) => {
    await record(request, reply)
    return payload
  })
  // Whose asker went away before, and what a route answers by itself.
  app.addHook('onResponse', record)
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who did it, where it was no caller (the setup). */
    auditActor: string | undefined
    /** What the write was about, where it is not the first parameter of the path. */
    auditTarget: string | undefined
    /** What the trail keeps instead of the body; set it where the body holds secrets under names of its own. */
    auditChanges: unknown
  }
}
