import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  isRefused,
  type AdapterRefusal,
  type Log,
  type Peer,
  peerOf,
  type RefusedError,
  type Session,
  type Sessions,
} from '@patchbay/sdk'
import { sendError, sendRefused } from './answer.ts'
import { credentialsOf } from './credentials.ts'
import { influxRefusals } from './errors.ts'

const protocol = 'influx'

/** The query of a request's address, every value as text. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
}

/** Who asks, and what the refusals of his requests become. */
export interface Requests {
  /** Where a request comes from. */
  peerOf(request: FastifyRequest): Pick<Peer, 'protocol' | 'address' | 'encrypted'>
  /** Rejects with Refused. One request, one session: closed when it is answered. */
  open(request: FastifyRequest, reply: FastifyReply, query: URLSearchParams): Promise<Session>
  /** To be listed with the refusals of the platform, which has recorded its own already. */
  record(request: FastifyRequest, action: AdapterRefusal['action'], refused: RefusedError, session?: Session): void
  answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void
}

export function createRequests({ sessions, log }: { sessions: Sessions; log: Log }): Requests {
  const record: Requests['record'] = (request, action, refused, session) => {
    const isOurs = refused.code in influxRefusals || refused.code === 'TELEMETRY_FORBIDDEN'
    if (!isOurs || refused.reason === 'unavailable') return
    const device = session?.principal.kind === 'device' ? { device: session.principal.id } : {}
    sessions.refuse({ protocol, address: peerOf(request).address }, { action, ...device, refused })
  }
  return {
    peerOf(request) {
      const { address, encrypted } = peerOf(request)
      return { protocol, address, encrypted }
    },
    async open(request, reply, query) {
      const { address, encrypted, certificate } = peerOf(request)
      const credentials = credentialsOf(request.headers.authorization, query, certificate)
      const session = await sessions.open({ protocol, address, encrypted, credentials, request: true })
      if (reply.raw.closed) session.close()
      else reply.raw.once('close', () => session.close())
      return session
    },
    record,
    answerError(error, request, reply) {
      if (isRefused(error)) {
        // What a query is refused for was recorded where it is known who asked.
        if (error.code !== 'TELEMETRY_FORBIDDEN') record(request, 'publish', error)
        sendRefused(reply, error)
        return
      }
      const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
      if (error instanceof Error && status < 500) {
        sendError(reply, status, error.message)
        return
      }
      log.error('a request failed', { error, requestId: request.id })
      sendError(reply, 500, `internal error; it was logged with the request ${request.id}`)
    },
  }
}
