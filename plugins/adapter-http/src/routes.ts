import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import {
  isRefused,
  type Log,
  peerOf,
  type PublishOptions,
  type RefusedError,
  type Sessions,
  toCredentials,
} from '@patchbay/sdk'
import { encodingOf, takeBytes } from './body.ts'
import type { HttpConfig } from './config.ts'
import { readForDevice } from './device-reads.ts'
import { httpRefusals, refuse } from './errors.ts'
import { createPolls } from './polls.ts'
import { encodingUnsupported, fault, sendProblem, toProblem } from './problem.ts'
import { toTopic } from './request-topic.ts'
import type { SessionCache, SessionLease } from './session-cache.ts'

const protocol = 'http'
const maxIdempotencyKey = 255
/** What an answer may take beyond the longest wait for commands. */
const answerMs = 10_000
const none = Buffer.alloc(0)

export interface RouteOptions {
  config: HttpConfig
  sessions: Sessions
  cache: SessionCache
  log: Log
  /** Aborted when the plugin stops. */
  signal: AbortSignal
}

interface Asked extends SessionLease {
  topic: string
  query: URLSearchParams
}

/** `POST /v1/{topic}`, `POST /v1/provision`, and what devices GET. */
export function createRoutes({ config, sessions, cache, log, signal }: RouteOptions): FastifyPluginAsync {
  const maxBytes = config.maxBodyKib * 1024
  const polls = createPolls()
  const asked = new WeakMap<FastifyRequest, Asked>()

  /** Runs before the body is read: who cannot prove itself makes us read and unpack nothing. */
  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { topic, query } = toTopic(request.raw.url ?? '')
    const peer = peerOf(request)
    const { authorization } = request.headers
    const credentials = toCredentials(authorization, peer.certificate)
    const identity = [authorization ?? '', peer.address, String(peer.encrypted), peer.certificate?.fingerprint ?? '']
    const lease = await cache.lease(request.raw.socket, identity, () =>
      sessions.open({ protocol, address: peer.address, encrypted: peer.encrypted, credentials, request: true }),
    )
    if (reply.raw.closed) return lease.release()
    reply.raw.once('close', () => lease.release())
    asked.set(request, { ...lease, topic, query })
  }

  function askedBy(request: FastifyRequest): Asked {
    const found = asked.get(request)
    if (!found) throw refuse('HTTP_STOPPING')
    return found
  }

  async function checkEncoding(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    if (encodingOf(request.headers['content-encoding'])) return undefined
    return sendProblem(reply, request, encodingUnsupported)
  }

  /** A refusal of our own is recorded by us; core has recorded its own already. */
  function record(request: FastifyRequest, refused: RefusedError): void {
    if (!(refused.code in httpRefusals) || refused.reason === 'unavailable') return
    const known = asked.get(request)
    const { principal } = known?.session ?? {}
    sessions.refuse(
      { protocol, address: peerOf(request).address },
      {
        action: request.method === 'POST' ? 'publish' : 'subscribe',
        ...(known ? { topic: known.topic } : {}),
        ...(principal?.kind === 'device' ? { device: principal.id } : {}),
        refused,
      },
    )
  }

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refused = isRefused(error) ? error : ofFastify(error)
    if (refused) {
      record(request, refused)
      return sendProblem(reply, request, toProblem(refused))
    }
    log.error('a request failed', { error, requestId: request.id })
    return sendProblem(reply, request, fault)
  }

  return async (app) => {
    takeBytes(app, maxBytes)
    const shared = { errorHandler: answerError } as const

    app.post('/v1/*', { ...shared, onRequest: [authenticate, checkEncoding] }, async (request, reply) => {
      const { session, topic, query } = askedBy(request)
      const bytes = Buffer.isBuffer(request.body) ? request.body : none
      if (topic === 'provision') {
        const answer = await session.provision(bytes, toPublishOptions(request, query))
        return reply.type('application/json').header('cache-control', 'no-store').send(answer)
      }
      await session.publish(topic, bytes, toPublishOptions(request, query))
      return reply.code(204).send()
    })

    const patient = { ...shared, exposeHeadRoute: false, handlerTimeout: config.maxWaitSeconds * 1000 + answerMs }
    app.get('/v1/*', { ...patient, onRequest: authenticate }, async (request, reply) => {
      const { session, ...what } = askedBy(request)
      return readForDevice({ config, polls, signal }, session, what, request, reply)
    })
  }
}

function toPublishOptions(request: FastifyRequest, query: URLSearchParams): PublishOptions {
  const key = request.headers['idempotency-key']
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > maxIdempotencyKey)) {
    throw refuse('HTTP_IDEMPOTENCY_KEY')
  }
  const contentType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  return {
    qos: 1,
    ...(query.get('retain') === 'true' ? { retain: true } : {}),
    ...(contentType ? { contentType } : {}),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  }
}

/** Fastify's own refusals of a body, in our words; undefined = a fault. */
function ofFastify(error: unknown): RefusedError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  if (error.statusCode === 413) return refuse('HTTP_BODY_TOO_LARGE', undefined, error)
  if (typeof error.statusCode === 'number' && error.statusCode < 500) {
    return refuse('HTTP_BODY_ENCODING', 'The body is not as its headers say.', error)
  }
  return undefined
}
